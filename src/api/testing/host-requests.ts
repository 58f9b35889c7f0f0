/** For tests: what may be asked of the routes about hosts, of stored birds. */

/** Of the ospreys, in a form in which the question does not name them. */
const HOSTS = ['host-falcon', 'host-osp%72ey']

const LINES = ['', '?count=7', '?filter=tenant%3Da', '?file=eventlog', '?file=eventlog&filter=%22']

/** Every key asks a third of them, and each is there as often. */
const threeTimes = (paths: readonly string[]): { method: string; path: string }[] =>
  paths.flatMap((path) => [path, path, path]).map((path) => ({ method: 'GET', path }))

export const HOST_REQUESTS = {
  'GET /hosts/': () => threeTimes(['/hosts/']),
  'GET /hosts/:host/': () => threeTimes(HOSTS.map((host) => `/hosts/${host}/`)),
  'GET /hosts/:host/files/': () => threeTimes(HOSTS.map((host) => `/hosts/${host}/files/`)),
  'GET /hosts/:host/logs': () =>
    threeTimes(HOSTS.flatMap((host) => LINES.map((parameters) => `/hosts/${host}/logs${parameters}`))),
}
