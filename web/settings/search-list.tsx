import { asProblem } from '../api/client.ts'
import { Button } from '../parts/button.tsx'
import { Empty, Failure, Loading } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import { useLoad } from '../parts/use-load.ts'
import { When } from '../parts/when.tsx'
import { hrefOf, rangeOf } from '../saved/searches.ts'
import { usePage } from '../shell/page.ts'

export function SearchList() {
  const { searches, toasts } = usePage()
  const loaded = useLoad('searches', () => searches.refresh())
  const all = searches.all.value
  const remove = async (id: string, name: string): Promise<void> => {
    try {
      await searches.remove(id)
      toasts.say(`“${name}” is removed.`)
    } catch (error) {
      toasts.complain(asProblem(error).message)
    }
  }
  if (all.length === 0) {
    if (loaded.problem) return <Failure problem={loaded.problem} onRetry={loaded.retry} />
    if (loaded.isLoading) return <Loading what="the saved searches" />
    return (
      <Empty title="Nobody has saved a search yet" steps={<a href="/">To the newest events</a>}>
        <p>Search for something, then choose “Save this search” in the bar above, or with Ctrl+K.</p>
      </Empty>
    )
  }
  return (
    <section aria-labelledby="searches">
      <h2 id="searches">Saved searches</h2>
      <p class="soft">Everybody who reads everything here sees them.</p>
      <Table
        caption="All saved searches, by name"
        rows={all}
        keyOf={({ id }) => id}
        columns={[
          { name: 'Name', cell: (search) => <a href={hrefOf(search)}>{search.name}</a> },
          { name: 'Query', cell: ({ query }) => <code>{query === '' ? 'every event' : query}</code> },
          { name: 'Time', cell: rangeOf },
          { name: 'Columns', cell: ({ columns }) => (columns.length === 0 ? '–' : columns.join(', ')) },
          {
            name: 'Saved',
            cell: ({ updated, by }) => (
              <>
                <When time={updated} /> {by !== '' && <span class="soft">by {by}</span>}
              </>
            ),
          },
          {
            name: 'Change',
            cell: ({ id, name, isOwn }) =>
              isOwn && (
                <Button isSmall label={`Remove “${name}”`} onClick={() => void remove(id, name)}>
                  Remove
                </Button>
              ),
          },
        ]}
      />
    </section>
  )
}
