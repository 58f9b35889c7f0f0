import { escapeText } from '../../src/core/escape.ts'
import { Button } from '../parts/button.tsx'
import { zoneName } from '../time/zone.ts'
import type { RowLook } from './log-row.tsx'

/** Those that every event has are written like the others that are always there; attributes as they are. */
const TITLES: Readonly<Record<string, string>> = { service: 'Service', host: 'Host', source: 'Source' }

/** The line above the events: what stands in which column. */
export function Columns({ look, onRemove }: { look: RowLook; onRemove: (name: string) => void }) {
  return (
    <div class="log-head" role="group" aria-label="Columns">
      <span class="cell">
        Time <small>{zoneName(look.zone)}</small>
      </span>
      <span class="cell">Level</span>
      {look.columns.map((name) => (
        <span key={name} class="cell column-name">
          <span class="name" title={escapeText(name)}>
            {TITLES[name] ?? escapeText(name)}
          </span>
          <Button
            kind="quiet"
            icon="close"
            isSmall
            label={`Remove the column ${escapeText(name)}`}
            onClick={() => onRemove(name)}
          />
        </span>
      ))}
      <span class="cell">Message</span>
    </div>
  )
}
