import type { ServerProblem } from '../client/failures.ts'
import { formatDuration } from '../core/time.ts'

/** What each command needs a key for; `read` is what the others do. */
const ROLES: Readonly<Record<string, string>> = { send: 'write', demo: 'write', agent: 'write' }
/** The server's own hint to whoever has a key of another role. */
const MAKE_HINT = /^Make one with: tailrace keys create --role (\w+)$/
const FOLDER = '--data <data folder>'
/** The server's clock is known to about a second, and a round trip. */
const CLOCK_MS_MIN = 2000

/** What to do about an answer that has to do with keys, one line each; `undefined` when it is about something else. */
export function accessHint({ code, hint, clockAheadMs }: ServerProblem, command = ''): string[] | undefined {
  const isDenied = code === 'ACCESS_DENIED'
  const [, denied] = (isDenied && MAKE_HINT.exec(hint ?? '')) || []
  const role = command.startsWith('keys') ? 'admin' : (denied ?? ROLES[command] ?? 'read')
  const make = ["To make one, on the server's own machine:", `  tailrace keys create --role ${role} ${FOLDER}`]
  const offline = command.startsWith('keys')
    ? ["On the server's own machine no key is needed:", `  the same command with ${FOLDER}`]
    : make
  if (code === 'KEY_REQUIRED') return ['Show one with --key-file <file>, or in TAILRACE_KEY.', ...offline]
  if (code === 'KEY_REFUSED') {
    return ['Unknown, revoked, expired or not for this address: a server does not say which.', ...offline]
  }
  // What the server says of making a key stands in ours, with the place where it can be done.
  if (isDenied) return [...(hint === undefined || denied !== undefined ? [] : [hint]), ...offline]
  if (code === 'SIGNATURE_REFUSED') return [clockHint(clockAheadMs)]
  return undefined
}

function clockHint(clockAheadMs: number | undefined): string {
  if (clockAheadMs === undefined) return "Compare this machine's clock with the server's; or the key may be wrong."
  if (Math.abs(clockAheadMs) < CLOCK_MS_MIN) {
    return 'The clocks agree: the key may be wrong, revoked, or of a role other than write.'
  }
  const seconds = BigInt(Math.round(Math.abs(clockAheadMs) / 1000))
  const side = clockAheadMs > 0 ? 'ahead of' : 'behind'
  return `The server's clock is ${formatDuration(seconds * 1_000_000_000n)} ${side} this machine's: set the wrong one.`
}

/** What can be done where no server answers, for commands that need none. */
export function offlineHint(command = ''): string[] {
  return command.startsWith('keys') ? [`Or do it without, on its machine: the same command with ${FOLDER}.`] : []
}
