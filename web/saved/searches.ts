import { signal, type ReadonlySignal } from '@preact/signals'
import { withParameters, type Client } from '../api/client.ts'
import { SEARCHES_PATH, type SavedSearch } from '../api/saved.ts'
import type { Place } from '../shell/router.ts'
import { makesTable } from '../query/highlight.ts'
import { rangeName } from '../time/range.ts'

/** The searches that people have saved, for the bar, the palette and the settings alike. */
export interface Searches {
  readonly all: ReadonlySignal<readonly SavedSearch[]>
  refresh(): Promise<void>
  /** Saves what the place shows, under a name. */
  save(name: string, place: Place): Promise<void>
  remove(id: string): Promise<void>
}

export function createSearches(client: Client): Searches {
  const all = signal<readonly SavedSearch[]>([])
  const refresh = async (): Promise<void> => {
    all.value = (await client.get<{ searches: SavedSearch[] }>(SEARCHES_PATH)).searches
  }
  return {
    all,
    refresh,
    async save(name, { params }) {
      const content = {
        name,
        query: params.get('q') ?? '',
        start: params.get('start') ?? '',
        end: params.get('end') ?? '',
        columns: columnsOf(params.get('cols')),
      }
      const same = all.value.find((search) => search.name === name && search.isOwn)
      if (same) await client.send('PUT', `${SEARCHES_PATH}/${same.id}`, content)
      else await client.send('POST', SEARCHES_PATH, content)
      await refresh()
    },
    async remove(id) {
      await client.send('DELETE', `${SEARCHES_PATH}/${id}`)
      await refresh()
    },
  }
}

/** Where the page shows it. */
export function hrefOf({
  query,
  start,
  end,
  columns,
}: Pick<SavedSearch, 'query' | 'start' | 'end' | 'columns'>): string {
  const cols = columns.map((name) => name.replaceAll(/[%,]/g, encodeURIComponent)).join(',')
  return withParameters(makesTable(query) ? '/view/statistics' : '/', { q: query, start, end, cols })
}

export function rangeOf({ start, end }: Pick<SavedSearch, 'start' | 'end'>): string {
  if (start === '') return 'Live'
  return rangeName({ start, end: end === '' ? undefined : end }, 'local')
}

function columnsOf(text: string | null): string[] {
  return (text ?? '').split(',').flatMap((name) => (name === '' ? [] : [decodeURIComponent(name)]))
}
