import { asProblem } from '../api/client.ts'
import { Button } from '../parts/button.tsx'
import { Table } from '../parts/table.tsx'
import { useInterval } from '../parts/use-interval.ts'
import { useLoad } from '../parts/use-load.ts'
import { When } from '../parts/when.tsx'
import { usePage } from '../shell/page.ts'
import { STREAM_LINKS_PATH, type StreamLink } from './stream.ts'

const REFRESH_MS = 5000

/** Links that show streams to whoever has them, and their end. Nothing where there are none. `turn`: they are asked for anew. */
export function StreamLinks({ turn }: { turn: number }) {
  const { client, toasts } = usePage()
  const { value, retry } = useLoad(`links to streams ${turn}`, (signal) =>
    client.get<{ shares: StreamLink[]; isComplete: boolean }>(STREAM_LINKS_PATH, {}, signal),
  )
  useInterval(retry, REFRESH_MS)
  const remove = async ({ id, stream }: StreamLink): Promise<void> => {
    try {
      await client.send('DELETE', `${STREAM_LINKS_PATH}/${id}`)
      toasts.say(`The link to “${stream}” shows nothing any more.`)
    } catch (error) {
      toasts.complain(asProblem(error).message)
    }
    retry()
  }
  if (!value || value.shares.length === 0) return null
  return (
    <section aria-labelledby="stream-links">
      <h2 id="stream-links">Links that need no key</h2>
      <Table
        caption="Links to streams, those that last longest first"
        rows={value.shares}
        keyOf={({ id }) => id}
        columns={[
          { name: 'Shows', cell: ({ stream }) => stream },
          { name: 'Until', cell: ({ expires }) => <When time={expires} isExact /> },
          { name: 'Made with', cell: ({ key }) => (key === '' ? 'no key' : `key ${key}`) },
          {
            name: 'Change',
            cell: (link) =>
              link.isRemovable && (
                <Button
                  isSmall
                  label={`Take back the link ${link.id} to ${link.stream}`}
                  onClick={() => void remove(link)}
                >
                  Take back
                </Button>
              ),
          },
        ]}
      />
      {!value.isComplete && <p class="soft">There are more, which end sooner.</p>}
    </section>
  )
}
