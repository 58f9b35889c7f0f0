import { signal, type ReadonlySignal } from '@preact/signals'

/** Where the reader is: everything that a view shows follows from this, so that every view can be sent to somebody. */
export interface Place {
  path: string
  params: URLSearchParams
}

export type ParamChanges = Readonly<Record<string, string | undefined>>

export interface Router {
  readonly place: ReadonlySignal<Place>
  /** To another address of the page. */
  go(href: string, options?: { replace?: boolean }): void
  /** The same path with some parameters set, or taken away where `undefined`. */
  set(changes: ParamChanges, options?: { replace?: boolean }): void
  close(): void
}

export function createRouter(window: Window): Router {
  const { location, history } = window
  const read = (): Place => ({ path: location.pathname, params: new URLSearchParams(location.search) })
  const place = signal(read())
  const update = (): void => {
    place.value = read()
  }
  window.addEventListener('popstate', update)
  const go: Router['go'] = (href, { replace = false } = {}) => {
    if (href === location.pathname + location.search) return
    if (replace) history.replaceState(null, '', href)
    else history.pushState(null, '', href)
    update()
  }
  return {
    place,
    go,
    set: (changes, options) => go(hrefWith(place.value, changes), options),
    close: () => window.removeEventListener('popstate', update),
  }
}

export function hrefWith({ path, params }: Place, changes: ParamChanges): string {
  const next = new URLSearchParams(params)
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) next.delete(name)
    else next.set(name, value)
  }
  const text = next.toString()
  return text === '' ? path : `${path}?${text}`
}

/** A click on a link of the page that the browser need not handle. */
export function followedLink(event: MouseEvent): string | undefined {
  if (
    event.defaultPrevented ||
    event.button !== 0 ||
    event.metaKey ||
    event.ctrlKey ||
    event.shiftKey ||
    event.altKey
  ) {
    return undefined
  }
  const link = event.target instanceof Element ? event.target.closest('a') : null
  if (
    !link ||
    link.target !== '' ||
    link.hasAttribute('download') ||
    link.origin !== link.ownerDocument.location.origin
  ) {
    return undefined
  }
  const isView = link.pathname === '/' || link.pathname.startsWith('/view/')
  return isView && link.hash === '' ? link.pathname + link.search : undefined
}
