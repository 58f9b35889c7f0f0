import { asProblem } from '../api/client.ts'
import { SHARES_PATH, type Share } from '../api/saved.ts'
import { Button } from '../parts/button.tsx'
import { Empty, Failure, Loading } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import { useLoad } from '../parts/use-load.ts'
import { When } from '../parts/when.tsx'
import { usePage } from '../shell/page.ts'

export function ShareList() {
  const { client, toasts } = usePage()
  const { value, problem, retry } = useLoad('shares', (signal) =>
    client.get<{ shares: Share[] }>(SHARES_PATH, {}, signal),
  )
  const remove = async (id: string): Promise<void> => {
    try {
      await client.send('DELETE', `${SHARES_PATH}/${id}`)
      toasts.say('The link leads nowhere any more.')
    } catch (error) {
      toasts.complain(asProblem(error).message)
    }
    retry()
  }
  if (!value) return problem ? <Failure problem={problem} onRetry={retry} /> : <Loading what="the shared views" />
  if (value.shares.length === 0) {
    return (
      <Empty title="No view is shared" steps={<a href="/">To the newest events</a>}>
        <p>“Share this view” in the bar above makes a short link to whatever is shown.</p>
      </Empty>
    )
  }
  return (
    <section aria-labelledby="shares">
      <h2 id="shares">Shared views</h2>
      <Table
        caption="All shared views, newest first"
        rows={value.shares}
        keyOf={({ id }) => id}
        columns={[
          { name: 'Link', cell: ({ id }) => <a href={`/view/shared?id=${id}`}>{`/s/${id}`}</a> },
          { name: 'Shows', cell: ({ address }) => <code>{decoded(address)}</code> },
          {
            name: 'Shared',
            cell: ({ created, by }) => (
              <>
                <When time={created} /> {by !== '' && <span class="soft">by {by}</span>}
              </>
            ),
          },
          {
            name: 'Change',
            cell: ({ id }) => (
              <Button isSmall label={`Remove /s/${id}`} onClick={() => void remove(id)}>
                Remove
              </Button>
            ),
          },
        ]}
      />
    </section>
  )
}

/** As it reads in an address bar. */
function decoded(address: string): string {
  try {
    return decodeURIComponent(address.replaceAll('+', ' '))
  } catch {
    // Somebody cut it in the middle of a character.
    return address
  }
}
