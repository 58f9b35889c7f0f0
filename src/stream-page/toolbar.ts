import type { StreamState } from './stream.ts'

export interface ToolbarOptions {
  name: string
  listUrl: string | undefined
  downloadUrl: string
  plainUrl: string
  isWrapped: boolean
  onFollow: (isFollowing: boolean) => void
  onWrap: (isWrapped: boolean) => void
  onSearch: (text: string) => void
  onStep: (direction: 1 | -1) => void
}

export interface Toolbar {
  element: HTMLElement
  setFollowing(isFollowing: boolean): void
  toggleFollowing(): void
  toggleWrap(): void
  focusSearch(): void
  showState(state: StreamState, detail?: string): void
  showSize(size: { bytes: number; lines: number; firstKept: number }): void
  showFound(found: { place: number; count: number; isFull: boolean } | undefined): void
}

const STATES: Readonly<Record<StreamState, string>> = {
  connecting: 'connecting',
  live: 'live',
  interrupted: 'interrupted',
  finished: 'finished',
  away: 'reconnecting',
  gone: 'gone',
}
const SEARCH_DELAY_MS = 150

export function createToolbar(options: ToolbarOptions): Toolbar {
  const state = create('span', 'state connecting', STATES.connecting)
  state.setAttribute('role', 'status')
  const size = create('span', 'size', '')
  const found = create('span', 'found', '')
  found.setAttribute('role', 'status')
  const search = createSearch(options)
  const follow = createToggle('Follow', 'Follow the end (f)', options.onFollow)
  const wrap = createToggle('Wrap', 'Wrap long lines (w)', options.onWrap)
  wrap.set(options.isWrapped)
  const title = create('h1', 'name', options.name)
  title.title = options.name
  const element = create('header', 'toolbar', '')
  element.append(
    ...(options.listUrl === undefined ? [] : [createLink(options.listUrl, 'Streams', 'All streams')]),
    title,
    state,
    size,
    search,
    found,
    follow.button,
    wrap.button,
    createLink(options.downloadUrl, 'Download', 'Save as a file'),
    createLink(options.plainUrl, 'Plain', 'The bytes as they are'),
  )
  return {
    element,
    setFollowing: (isFollowing) => follow.set(isFollowing),
    toggleFollowing: () => follow.button.click(),
    toggleWrap: () => wrap.button.click(),
    focusSearch() {
      search.focus()
      search.select()
    },
    showState(next, detail) {
      state.className = `state ${next}`
      state.textContent = STATES[next]
      state.title = detail ?? ''
      document.title = `${next === 'live' ? '● ' : ''}${options.name} · Tailrace`
    },
    showSize({ bytes, lines, firstKept }) {
      size.textContent = `${lines.toLocaleString('en-US')} lines · ${formatBytes(bytes)}`
      size.title =
        firstKept > 0 ? `Lines up to ${firstKept.toLocaleString('en-US')} are not kept here: download them` : ''
      size.classList.toggle('cut', firstKept > 0)
    },
    showFound(result) {
      if (!result) found.textContent = ''
      else if (result.count === 0) found.textContent = 'not found'
      else
        found.textContent = `${result.place + 1} / ${result.count.toLocaleString('en-US')}${result.isFull ? '+' : ''}`
    },
  }
}

function createSearch({ onSearch, onStep }: ToolbarOptions): HTMLInputElement {
  const search = document.createElement('input')
  search.type = 'search'
  search.placeholder = 'Search  /'
  search.ariaLabel = 'Search the log'
  search.spellcheck = false
  let timer: number | undefined
  search.addEventListener('input', () => {
    clearTimeout(timer)
    timer = setTimeout(() => onSearch(search.value), SEARCH_DELAY_MS)
  })
  search.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') onStep(event.shiftKey ? -1 : 1)
    else if (event.key === 'Escape') {
      search.value = ''
      onSearch('')
      search.blur()
    } else return
    event.preventDefault()
  })
  return search
}

function createToggle(
  text: string,
  title: string,
  onToggle: (isOn: boolean) => void,
): { button: HTMLButtonElement; set(isOn: boolean): void } {
  const button = document.createElement('button')
  button.type = 'button'
  button.textContent = text
  button.title = title
  const set = (isOn: boolean): void => {
    button.ariaPressed = String(isOn)
  }
  button.addEventListener('click', () => {
    const isOn = button.ariaPressed !== 'true'
    set(isOn)
    onToggle(isOn)
  })
  set(false)
  return { button, set }
}

function createLink(href: string, text: string, title: string): HTMLAnchorElement {
  const link = document.createElement('a')
  link.href = href
  link.textContent = text
  link.title = title
  return link
}

function create(tag: string, className: string, text: string): HTMLElement {
  const element = document.createElement(tag)
  element.className = className
  element.textContent = text
  return element
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

function formatBytes(bytes: number): string {
  const unit = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  const value = bytes / 1024 ** unit
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`
}
