import type { LineStore } from './line-store.ts'
import { createRow, type RowOptions } from './rows.ts'

/** Browsers know no higher elements than about twice this. */
const HEIGHT_MAX = 12_000_000
const ROW_HEIGHT = 18
/** Rows beyond the edge, so that scrolling shows no gap. */
const ROWS_MORE = 4

export interface ViewOptions {
  store: LineStore
  /** Told whether the last line is in view because of somebody's scrolling. */
  onScrolled: (isAtEnd: boolean) => void
}

interface ShownRow {
  /** What its element was made of. */
  look: string
  element: HTMLElement
}

/** Shows the lines that are in view, and no others. */
export class LogView {
  readonly element = document.createElement('div')
  readonly #rows = document.createElement('div')
  readonly #spacer = document.createElement('div')
  readonly #options: ViewOptions
  /** By line. */
  #shown = new Map<number, ShownRow>()
  #isScheduled = false
  #isAtEnd = true
  /** Where it was scrolled to by us. */
  #ownTop = 0
  /** Lower case. */
  wanted = ''
  current: number | undefined
  marked: readonly [first: number, last: number] | undefined

  constructor(options: ViewOptions) {
    this.#options = options
    this.element.className = 'view'
    this.element.tabIndex = 0
    this.element.setAttribute('role', 'region')
    this.element.ariaLabel = 'Log'
    this.#rows.className = 'rows'
    this.#spacer.className = 'spacer'
    this.element.append(this.#spacer, this.#rows)
    this.element.addEventListener('scroll', () => this.#onScroll())
    new ResizeObserver(() => this.refresh()).observe(this.element)
  }

  set isWrapped(isWrapped: boolean) {
    this.element.classList.toggle('wrapped', isWrapped)
    this.refresh()
  }

  /** Draws anew at the next frame. */
  refresh(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    requestAnimationFrame(() => {
      this.#isScheduled = false
      this.#draw()
    })
  }

  goToEnd(): void {
    this.#isAtEnd = true
    this.refresh()
  }

  goToStart(): void {
    this.goTo(this.#options.store.firstKept)
  }

  /** Brings a line, from 0, into the upper third. */
  goTo(line: number): void {
    const { store } = this.#options
    this.#isAtEnd = false
    this.#setHeight()
    const top = line - store.firstKept - Math.floor(this.#visibleRows() / 3)
    this.#scrollTo(Math.max(0, top) * this.#scale())
    this.refresh()
  }

  /** Whether a line is in view. */
  shows(line: number): boolean {
    const first = this.#firstInView()
    return line >= first && line < first + this.#visibleRows() - 1
  }

  get firstInView(): number {
    return this.#firstInView()
  }

  #onScroll(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.element
    if (Math.abs(scrollTop - this.#ownTop) < 2) return this.refresh()
    const wasAtEnd = this.#isAtEnd
    this.#isAtEnd = scrollTop + clientHeight >= scrollHeight - ROW_HEIGHT
    if (this.#isAtEnd !== wasAtEnd) this.#options.onScrolled(this.#isAtEnd)
    this.refresh()
  }

  #visibleRows(): number {
    return Math.max(1, Math.ceil(this.element.clientHeight / ROW_HEIGHT))
  }

  #keptLines(): number {
    const { lines, firstKept } = this.#options.store
    return lines - firstKept
  }

  /** Pixels of scrolling for one line: less than a row where there are very many. */
  #scale(): number {
    return Math.min(ROW_HEIGHT, HEIGHT_MAX / Math.max(1, this.#keptLines()))
  }

  #setHeight(): void {
    const height = Math.max(this.#keptLines() * this.#scale(), 1)
    this.#spacer.style.height = `${height}px`
  }

  #scrollTo(top: number): void {
    if (Math.abs(this.element.scrollTop - top) < 1) return
    this.element.scrollTop = top
    // It may not go that far.
    this.#ownTop = this.element.scrollTop
  }

  #firstInView(): number {
    const { store } = this.#options
    return store.firstKept + Math.floor(this.element.scrollTop / this.#scale())
  }

  /** Rows that stay as they are stay the same elements, so that a click or a selection outlives what arrives meanwhile. */
  #show(first: number, end: number, options: RowOptions): void {
    const shown = new Map<number, ShownRow>()
    for (let line = first; line < end; line++) {
      const { text, cutBytes } = options.store.line(line)
      const look = `${options.wanted}\n${options.isMarked(line)} ${line === options.current} ${cutBytes}\n${text}`
      const before = this.#shown.get(line)
      shown.set(line, before?.look === look ? before : { look, element: createRow(line, options) })
    }
    const elements = new Set<Element>(Array.from(shown.values(), ({ element }) => element))
    for (const child of Array.from(this.#rows.children)) if (!elements.has(child)) child.remove()
    let next = this.#rows.firstElementChild
    for (const element of elements) {
      if (element === next) next = next.nextElementSibling
      else this.#rows.insertBefore(element, next)
    }
    this.#shown = shown
  }

  #draw(): void {
    const { store } = this.#options
    this.#setHeight()
    if (this.#isAtEnd) this.#scrollTo(this.element.scrollHeight)
    const visible = this.#visibleRows()
    const last = store.lines
    const first = this.#isAtEnd ? Math.max(store.firstKept, last - visible) : Math.min(this.#firstInView(), last)
    const end = Math.min(last, first + visible + ROWS_MORE)
    const options = {
      store,
      wanted: this.wanted,
      isMarked: (line: number) => this.#isMarked(line),
      current: this.current,
    }
    this.#show(first, end, options)
    // Wrapped lines may be higher than the view: at the end it is their end that has to be seen.
    const isOver = this.#isAtEnd && this.#rows.offsetHeight > this.element.clientHeight
    const top = this.element.scrollTop + (isOver ? this.element.clientHeight - this.#rows.offsetHeight : 0)
    this.#rows.style.transform = `translateY(${top}px)`
    const digits = String(Math.max(999, last)).length
    this.#rows.style.setProperty('--digits', String(digits))
  }

  #isMarked(line: number): boolean {
    return this.marked !== undefined && line >= this.marked[0] && line <= this.marked[1]
  }
}
