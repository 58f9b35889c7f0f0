/**
 * stream-page: what a browser shows at the address of a stream: the log as it grows, in its colours. It runs in the
 * browser, reads the stream by its own address and nothing else, and must never know Node or the server's code. Start
 * here; `view.ts` shows lines, `line-store.ts` keeps them, `ansi.ts` understands them, `stream.ts` reads them.
 */
import { LineStore } from './line-store.ts'
import { Search } from './search.ts'
import { readStream, type StreamState } from './stream.ts'
import { createToolbar } from './toolbar.ts'
import { LogView } from './view.ts'

/** Bytes of the log that are kept in the browser. */
const BYTES_MAX = 256 * 1024 * 1024
const WRAP_KEY = 'tailrace.stream.wrap'

const address = new URL(location.href)
const name = decodeURIComponent(address.pathname.replace(/^\/(?:streams|shared)\//, ''))
const isShared = address.pathname.startsWith('/shared/')

/** The same stream in another form; a link keeps its token. */
function addressOf(parameters: Readonly<Record<string, string>>): string {
  const token = address.searchParams.get('token')
  const query = new URLSearchParams({ ...(token === null ? {} : { token }), ...parameters }).toString()
  return query === '' ? address.pathname : `${address.pathname}?${query}`
}

const store = new LineStore(BYTES_MAX)
let state: StreamState = 'connecting'
let search: Search | undefined
let place = 0
let isSearching = false

const toolbar = createToolbar({
  name,
  listUrl: isShared ? undefined : '/streams/',
  downloadUrl: addressOf({ download: 'true' }),
  plainUrl: addressOf({ plain: 'true' }),
  isWrapped: localStorage.getItem(WRAP_KEY) === 'true',
  onFollow: setFollowing,
  onWrap(isWrapped) {
    localStorage.setItem(WRAP_KEY, String(isWrapped))
    view.isWrapped = isWrapped
  },
  onSearch: startSearch,
  onStep: stepSearch,
})

const view = new LogView({
  store,
  onScrolled: (isAtEnd) => toolbar.setFollowing(isAtEnd),
})
view.isWrapped = localStorage.getItem(WRAP_KEY) === 'true'

function setFollowing(isFollowing: boolean): void {
  toolbar.setFollowing(isFollowing)
  if (isFollowing) view.goToEnd()
  else view.goTo(view.firstInView + 2)
}

function startSearch(text: string): void {
  view.wanted = text.toLowerCase()
  view.current = undefined
  search = text === '' ? undefined : new Search(store, text)
  place = -1
  toolbar.showFound(undefined)
  view.refresh()
  searchOn()
}

/** A slice per turn, so that the page stays alive; goes on as the log grows. */
function searchOn(): void {
  if (!search || isSearching) return
  isSearching = true
  const wanted = search
  const turn = (): void => {
    isSearching = false
    if (wanted !== search) return searchOn()
    const hasMore = wanted.step(state === 'finished')
    const isReached = !hasMore || (wanted.found.at(-1) ?? 0) >= view.firstInView
    if (place < 0 && wanted.found.length > 0 && isReached) showFound(wanted.placeAfter(view.firstInView))
    toolbar.showFound({ place, count: wanted.found.length, isFull: wanted.isFull })
    if (!hasMore) return
    isSearching = true
    setTimeout(turn)
  }
  turn()
}

function stepSearch(direction: 1 | -1): void {
  const count = search?.found.length ?? 0
  if (count === 0) return
  showFound((place + direction + count) % count)
}

function showFound(wanted: number): void {
  const line = search?.found[wanted]
  if (!search || line === undefined) return
  place = wanted
  view.current = line
  if (view.shows(line)) view.refresh()
  else {
    toolbar.setFollowing(false)
    view.goTo(line)
  }
  toolbar.showFound({ place, count: search.found.length, isFull: search.isFull })
}

/** `#L120` and `#L120-L130`. */
function readHash(): void {
  const [, first, last = first] = /^#L(\d+)(?:-L?(\d+))?$/.exec(location.hash) ?? []
  if (first === undefined || last === undefined) {
    view.marked = undefined
    wantedLine = undefined
    view.refresh()
    return
  }
  view.marked = [Number(first) - 1, Number(last) - 1]
  wantedLine = Number(first) - 1
  toolbar.setFollowing(false)
  showWanted()
}

/** The line that the address points at, until it is there. */
let wantedLine: number | undefined

function showWanted(): void {
  if (wantedLine === undefined) return
  view.goTo(Math.min(wantedLine, Math.max(0, store.lines - 1)))
  if (wantedLine < store.lines) wantedLine = undefined
}

function onRowClick(event: MouseEvent): void {
  const number = (event.target as Element).closest<HTMLElement>('.number')?.dataset['line']
  if (number === undefined || !event.shiftKey || !view.marked) return
  event.preventDefault()
  const lines = [view.marked[0] + 1, Number(number)].toSorted((a, b) => a - b)
  location.hash = `#L${lines[0]}-L${lines[1]}`
}

function onKey(event: KeyboardEvent): void {
  const isTyping = event.target instanceof HTMLInputElement
  const isFind = event.key === 'f' && (event.ctrlKey || event.metaKey)
  if (isFind || (event.key === '/' && !isTyping)) {
    event.preventDefault()
    return toolbar.focusSearch()
  }
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return
  const act = KEYS[event.key]
  if (!act) return
  event.preventDefault()
  act()
}

const KEYS: Readonly<Record<string, () => void>> = {
  f: () => toolbar.toggleFollowing(),
  w: () => toolbar.toggleWrap(),
  n: () => stepSearch(1),
  N: () => stepSearch(-1),
  g: () => {
    toolbar.setFollowing(false)
    view.goToStart()
  },
  Home: () => KEYS['g']?.(),
  G: () => setFollowing(true),
  End: () => setFollowing(true),
}

function showProgress(): void {
  toolbar.showSize({ bytes: store.bytes, lines: store.lines, firstKept: store.firstKept })
  view.refresh()
  showWanted()
  searchOn()
}

let isShowing = false
function progress(): void {
  if (isShowing) return
  isShowing = true
  requestAnimationFrame(() => {
    isShowing = false
    showProgress()
  })
}

document.querySelector('#page')?.replaceChildren(toolbar.element, view.element)
view.element.addEventListener('click', onRowClick)
addEventListener('keydown', onKey)
addEventListener('hashchange', readHash)
toolbar.setFollowing(true)
readHash()
view.element.focus()

await readStream({
  url: addressOf({}),
  position: () => store.bytes,
  onBytes(bytes) {
    store.push(bytes)
    progress()
  },
  onState(next, detail) {
    state = next
    toolbar.showState(next, detail)
    progress()
  },
})
