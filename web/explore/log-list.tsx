import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import { useVirtual } from '../parts/use-virtual.ts'
import { Columns } from './columns.tsx'
import type { ListItem } from './items.ts'
import { LogRow, rowId, type RowLook } from './log-row.tsx'

export interface LogListProps {
  items: readonly ListItem[]
  look: RowLook
  isComfortable: boolean
  selectedId: string | undefined
  /** Stays at the end as rows are added, until the reader scrolls up. */
  isFollowing: boolean
  onOpen: (id: string) => void
  /** The reader left the end, or came back to it. */
  onFollow?: ((isFollowing: boolean) => void) | undefined
  onNearEnd?: () => void
  onRemoveColumn: (name: string) => void
  /** Below the last row. */
  foot?: ComponentChildren
}

const ROW_HEIGHT = 20
const ROW_HEIGHT_COMFORTABLE = 28
const ROW_HEIGHT_NARROW = 48
/** How near to the end the next page is asked for, and how near is at it: in pixels. */
const NEAR_END = 3000
const AT_END = 8

export function LogList(props: LogListProps) {
  const { items, look, isComfortable, selectedId, isFollowing, onOpen } = props
  const scroller = useRef<HTMLDivElement>(null)
  const rowHeight = look.isNarrow ? ROW_HEIGHT_NARROW : isComfortable ? ROW_HEIGHT_COMFORTABLE : ROW_HEIGHT
  const virtualizer = useVirtual({
    count: items.length,
    scrollElement: () => scroller.current,
    rowHeight,
    keyOf: useMemo(() => (index: number) => items[index]?.id ?? String(index), [items]),
  })
  const template = useMemo(() => columnTemplate(look), [look])
  useLayoutEffect(() => virtualizer.measure(), [rowHeight, look])
  useLayoutEffect(() => {
    if (isFollowing && scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight
  }, [items, isFollowing, rowHeight, look])
  useSelectionInView(items, selectedId, (index) => virtualizer.scrollToIndex(index, { align: 'auto' }))
  const onScroll = useFollowing(scroller, props)
  const drawn = virtualizer.getVirtualItems()
  // Of a row that is not drawn nobody can be told.
  const isSelectedDrawn = selectedId !== undefined && drawn.some(({ index }) => items[index]?.id === selectedId)
  return (
    <div class={`log ${isComfortable ? 'comfortable' : ''} ${look.isWrapped ? 'wrapped' : ''}`}>
      <div class="log-scroll" ref={scroller} onScroll={onScroll} style={{ '--log-columns': template }}>
        <Columns look={look} onRemove={props.onRemoveColumn} />
        <div
          class="log-rows"
          role="listbox"
          aria-label="Events"
          tabIndex={0}
          aria-activedescendant={isSelectedDrawn ? rowId(selectedId) : undefined}
          style={{ height: `${virtualizer.getTotalSize()}px` }}
        >
          {drawn.map(({ index, start }) => {
            const item = items[index]
            if (!item) return null
            return (
              <LogRow
                key={item.id}
                item={item}
                index={index}
                count={items.length}
                top={start}
                isSelected={item.id === selectedId}
                look={look}
                onClick={onOpen}
                measure={look.isWrapped || look.isNarrow ? virtualizer.measureElement : undefined}
              />
            )
          })}
        </div>
        {props.foot}
      </div>
    </div>
  )
}

/** Scrolls to the event that was selected by a key or a link; not when it only moved because rows were added. */
function useSelectionInView(items: readonly ListItem[], id: string | undefined, show: (index: number) => void): void {
  const shown = useRef<string | undefined>(undefined)
  useLayoutEffect(() => {
    if (id === undefined || shown.current === id) return
    const index = items.findIndex((item) => item.id === id)
    if (index === -1) return
    shown.current = id
    show(index)
  }, [items, id])
  if (id === undefined) shown.current = undefined
}

function useFollowing(scroller: { current: HTMLDivElement | null }, props: LogListProps): () => void {
  const lastTop = useRef(0)
  return () => {
    const element = scroller.current
    if (!element) return
    const { scrollTop, scrollHeight, clientHeight } = element
    const left = scrollHeight - clientHeight - scrollTop
    // Rows that are added below do not move what is seen: only the reader goes up.
    if (props.isFollowing && scrollTop < lastTop.current - 1 && left > AT_END) props.onFollow?.(false)
    else if (!props.isFollowing && scrollTop > lastTop.current && left <= AT_END) props.onFollow?.(true)
    lastTop.current = scrollTop
    if (left < NEAR_END) props.onNearEnd?.()
  }
}

const WIDE: Readonly<Record<string, string>> = {
  timestamp: '200px',
  received: '200px',
  trace_id: '250px',
  span_id: '140px',
  source: '140px',
}

function columnTemplate({ columns, hasDay }: RowLook): string {
  const own = columns.map((name) => WIDE[name] ?? '116px')
  return [hasDay ? '144px' : '100px', '52px', ...own, 'minmax(280px, 1fr)'].join(' ')
}
