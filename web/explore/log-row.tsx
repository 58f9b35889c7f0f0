import { Component } from 'preact'
import { escapeText, escapeLines } from '../../src/core/escape.ts'
import type { EventJson } from '../../src/core/event.ts'
import { markText, type Marks } from '../query/marks.ts'
import { clockText, dayText, type Zone } from '../time/zone.ts'
import { attributesText, isEventField, isGap, valueOf, type Gap, type ListItem } from './items.ts'

/** How rows are drawn; the same object as long as nothing of it changes. */
export interface RowLook {
  columns: readonly string[]
  marks: Marks
  zone: Zone
  hasDay: boolean
  isWrapped: boolean
  /** A phone: the message stands below the rest. */
  isNarrow: boolean
}

export interface LogRowProps {
  item: ListItem
  index: number
  /** Of the whole list. */
  count: number
  top: number
  isSelected: boolean
  look: RowLook
  onClick: (id: string) => void
  measure: ((element: HTMLElement | null) => void) | undefined
}

/** Characters of a message that the list shows; the details show all. */
const ROW_CHARS_MAX = 1000
const WRAPPED_CHARS_MAX = 10_000
const CELL_CHARS_MAX = 200
/** More than the widest screens have room for. */
const ATTRIBUTES_CHARS_MAX = 400

export const rowId = (id: string): string => `row-${id}`

/** Drawn again only when something of it changed: a list is scrolled often. */
export class LogRow extends Component<LogRowProps> {
  override shouldComponentUpdate(next: LogRowProps): boolean {
    const { item, index, count, top, isSelected, look } = this.props
    return (
      next.item !== item ||
      next.index !== index ||
      next.count !== count ||
      next.top !== top ||
      next.isSelected !== isSelected ||
      next.look !== look
    )
  }

  override render({ item, index, count, top, isSelected, look, onClick, measure }: LogRowProps) {
    const level = isGap(item) ? 'gap' : item.level
    return (
      <div
        id={rowId(item.id)}
        class={`log-row level-${level}`}
        role="option"
        aria-selected={isSelected}
        aria-posinset={index + 1}
        aria-setsize={count}
        data-index={index}
        style={{ transform: `translateY(${top}px)` }}
        ref={measure ?? null}
        onClick={() => onClick(item.id)}
      >
        {isGap(item) ? <GapText gap={item} /> : <Cells event={item} look={look} />}
      </div>
    )
  }
}

function GapText({ gap: { skipped } }: { gap: Gap }) {
  return (
    <span class="cell gap-text">{skipped.toLocaleString('en')} skipped: they came faster than this page read them</span>
  )
}

function Cells({ event, look }: { event: EventJson; look: RowLook }) {
  const time = new Date(event.timestamp)
  const { columns, zone, hasDay, isNarrow } = look
  return (
    <>
      <span class="cell time">
        {hasDay && `${dayText(time, zone).slice(5)} `}
        {clockText(time, zone)}
      </span>
      <span class="cell level">{event.level === 'unknown' ? '–' : event.level}</span>
      {columns.map((name) => (
        <span key={name} class="cell">
          {cellText(name, valueOf(event, name), isNarrow)}
        </span>
      ))}
      <Message event={event} look={look} />
    </>
  )
}

/** Where there are no columns, and so no names above them, an attribute bears its own. */
function cellText(name: string, value: string, isNarrow: boolean): string {
  const shown = escapeText(value.slice(0, CELL_CHARS_MAX))
  return isNarrow && shown !== '' && !isEventField(name) ? `${escapeText(name)}=${shown}` : shown
}

/** The message, then what else the event says: on one line if there is room for it, or where there is no message. */
function Message({ event, look }: { event: EventJson; look: RowLook }) {
  const { columns, marks, isWrapped, isNarrow } = look
  // Queries with `fields` may leave it out.
  const text = event.message ?? ''
  const charsMax = isWrapped ? WRAPPED_CHARS_MAX : ROW_CHARS_MAX
  const shown = text.length > charsMax ? text.slice(0, charsMax) : text
  const safe = isWrapped ? escapeLines(shown) : escapeText(shown.replaceAll(/\r?\n/g, ' ↵ '))
  const parts = markText(safe, marks)
  const hasRest = text === '' || (!isWrapped && !isNarrow && text.length < ATTRIBUTES_CHARS_MAX)
  return (
    <span class="cell message">
      <span>{parts.map((part, index) => (index % 2 === 1 ? <mark key={index}>{part}</mark> : part))}</span>
      {text.length > charsMax && (
        <span class="more"> … {(text.length - charsMax).toLocaleString('en')} more characters</span>
      )}
      {hasRest && (
        <span class="rest">
          {text !== '' && '  '}
          {escapeText(attributesText(event, columns, ATTRIBUTES_CHARS_MAX))}
        </span>
      )}
    </span>
  )
}
