import { escapeText } from '../../src/core/escape.ts'
import { Button } from '../parts/button.tsx'
import { copyText } from '../parts/copy.ts'
import { useLoad } from '../parts/use-load.ts'
import { usePage } from '../shell/page.ts'
import { firstCommands } from './first-commands.ts'
import { isGap } from './items.ts'
import type { LiveState } from './live-tail.ts'

/** Nothing has arrived yet: how to send something, in one line each. */
export function FirstRun({ live, onLeave }: { live: LiveState | undefined; onLeave: () => void }) {
  const { client, session, toasts } = usePage()
  const event = live?.rows.find((row) => !isGap(row))
  const isReceiving = event !== undefined && !isGap(event)
  // Only some may see where the server listens; the other commands do without.
  const { value: status } = useLoad('listeners', (signal) =>
    client.get<{ listeners: Record<string, string> }>('/api/v1/status', {}, signal),
  )
  const commands = firstCommands({
    origin: location.origin,
    isOpen: session.who.value?.open ?? true,
    listeners: status?.listeners ?? {},
  })
  return (
    <div class="sheet first-run">
      <h1>{isReceiving ? 'Events arrive' : 'Nothing has arrived yet'}</h1>
      <p>
        Send something, and it shows up here. Any one of these will do; in a clone, <code>tailrace</code> is{' '}
        <code>node dist/cli/main.js</code>.
      </p>
      <div class={`receiving ${isReceiving ? 'yes' : ''}`} role="status">
        <span class={`live-dot ${isReceiving ? 'open' : 'opening'}`} aria-hidden="true" />
        {isReceiving ? (
          <>
            <span>
              <strong>Receiving</strong>: {escapeText(event.service || 'an event')} says{' '}
              <code>{escapeText(event.message.slice(0, 120))}</code>
            </span>
            <Button kind="primary" onClick={onLeave}>
              Look at the events
            </Button>
          </>
        ) : (
          <span>Waiting for the first event …</span>
        )}
      </div>
      <ol class="commands">
        {commands.map(({ name, text, note }) => (
          <li key={name}>
            <h2>{name}</h2>
            <p>{note}</p>
            <div class="command">
              <pre tabIndex={0} role="group" aria-label={`Command for ${name}`}>
                {text}
              </pre>
              <Button icon="copy" label={`Copy the command for ${name}`} onClick={() => void copyText(text, toasts)} />
            </div>
          </li>
        ))}
      </ol>
    </div>
  )
}
