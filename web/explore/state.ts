import { canTail } from '../query/highlight.ts'
import { toggleTerm, type FieldValue, type Sense } from '../query/filter-text.ts'
import { DEFAULT_RANGE, type RangeText } from '../time/range.ts'
import type { Zone } from '../time/zone.ts'
import type { Place, Router } from '../shell/router.ts'

/** What the address says about the view of events. */
export interface ExploreState {
  query: string
  /** Follows what arrives; the range is then that of the histogram and of the facets. */
  isLive: boolean
  range: RangeText
  /** Between level and message. */
  columns: readonly string[]
  isWrapped: boolean
  isComfortable: boolean
  zone: Zone
  /** The event whose details are open. */
  eventId: string | undefined
}

export const DEFAULT_COLUMNS: readonly string[] = ['service']
const COLUMNS_MAX = 12

export function readState({ params }: Place): ExploreState {
  const query = params.get('q') ?? ''
  const start = params.get('start') ?? undefined
  const columns = params.get('cols')
  return {
    query,
    isLive: start === undefined && canTail(query),
    range: start === undefined ? DEFAULT_RANGE : { start, end: params.get('end') ?? undefined },
    columns: columns === null ? DEFAULT_COLUMNS : columnsOf(columns),
    isWrapped: params.get('wrap') === '1',
    isComfortable: params.get('rows') === 'comfortable',
    zone: params.get('zone') === 'utc' ? 'utc' : 'local',
    eventId: params.get('event') ?? undefined,
  }
}

function columnsOf(text: string): string[] {
  const names = text
    .split(',')
    .flatMap((name) => (name === '' ? [] : [name.replaceAll(/%2C|%25/g, decodeURIComponent)]))
  return [...new Set(names)].slice(0, COLUMNS_MAX)
}

function columnsText(columns: readonly string[]): string | undefined {
  const text = columns.map((name) => name.replaceAll(/[%,]/g, encodeURIComponent)).join(',')
  return text === DEFAULT_COLUMNS.join(',') ? undefined : text
}

/** Everything that changes the view, each as one step that Back undoes. */
export interface ExploreActions {
  search(query: string): void
  toggle(pair: FieldValue, sense: Sense): void
  setRange(range: RangeText): void
  goLive(): void
  toggleLive(): void
  toggleColumn(name: string): void
  toggleWrap(): void
  toggleDensity(): void
  setZone(zone: Zone): void
  /** Does not go into the history: one looks at many events. */
  openEvent(id: string | undefined): void
  /** Several of these in one step. */
  look(changes: { query?: string; range?: RangeText; eventId?: string | undefined }): void
}

const rangeChanges = ({ start, end }: RangeText) => ({ start, end })

export function exploreActions(
  router: Router,
  remember: (name: string, value: string | undefined) => void,
): ExploreActions {
  const now = (): ExploreState => readState(router.place.peek())
  const search = (query: string): void => {
    const text = query.trim()
    // What a tail cannot run is looked for in the last minutes instead.
    const range = now().isLive && !canTail(text) ? rangeChanges(DEFAULT_RANGE) : {}
    router.set({ q: text === '' ? undefined : text, event: undefined, ...range })
  }
  const keep = (name: string, value: string | undefined): void => {
    remember(name, value)
    router.set({ [name]: value }, { replace: true })
  }
  const goLive = (): void => router.set({ start: undefined, end: undefined })
  return {
    search,
    toggle: (pair, sense) => search(toggleTerm(now().query, pair, sense)),
    setRange: (range) => router.set(rangeChanges(range)),
    goLive,
    toggleLive: () => (now().isLive ? router.set(rangeChanges(DEFAULT_RANGE)) : goLive()),
    toggleColumn(name) {
      const { columns } = now()
      const next = columns.includes(name) ? columns.filter((column) => column !== name) : [...columns, name]
      keep('cols', columnsText(next.slice(-COLUMNS_MAX)))
    },
    toggleWrap: () => keep('wrap', now().isWrapped ? undefined : '1'),
    toggleDensity: () => keep('rows', now().isComfortable ? undefined : 'comfortable'),
    setZone: (zone) => keep('zone', zone === 'utc' ? 'utc' : undefined),
    openEvent: (id) => router.set({ event: id }, { replace: true }),
    look: ({ query, range, eventId }) =>
      router.set({
        ...(query !== undefined && { q: query === '' ? undefined : query }),
        ...(range && rangeChanges(range)),
        event: eventId,
      }),
  }
}
