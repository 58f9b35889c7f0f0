import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
  type VirtualizerOptions,
} from '@tanstack/virtual-core'
import { useLayoutEffect, useReducer, useState } from 'preact/hooks'

export type ListVirtualizer = Virtualizer<HTMLElement, HTMLElement>

export interface VirtualOptions {
  count: number
  scrollElement: () => HTMLElement | null
  rowHeight: number
  /** The same function as long as no row before the last changes: a new one has all rows measured again. */
  keyOf: (index: number) => string
}

const OVERSCAN = 12

/** Which rows of a long list to draw, and where. Rows that are higher than `rowHeight` are measured as they are drawn. */
export function useVirtual({ count, scrollElement, rowHeight, keyOf }: VirtualOptions): ListVirtualizer {
  const [, draw] = useReducer((turns: number) => turns + 1, 0)
  const options: VirtualizerOptions<HTMLElement, HTMLElement> = {
    count,
    getScrollElement: scrollElement,
    estimateSize: () => rowHeight,
    getItemKey: keyOf,
    overscan: OVERSCAN,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => draw(undefined),
  }
  const [virtualizer] = useState(() => new Virtualizer(options))
  virtualizer.setOptions(options)
  // These two are how the library's own adapters drive it.
  useLayoutEffect(() => virtualizer['_didMount'](), [])
  useLayoutEffect(() => virtualizer['_willUpdate']())
  return virtualizer
}
