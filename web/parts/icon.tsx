const PATHS = {
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM10.6 10.6 14 14',
  close: 'M4 4l8 8M12 4l-8 8',
  clock: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 5v3.2L10 10',
  copy: 'M6 6h7v7H6zM10 6V3H3v7h3',
  include: 'M8 3.5v9M3.5 8h9',
  exclude: 'M3.5 8h9',
  column: 'M2.5 3h11v10h-11zM8 3v10',
  link: 'M6.5 9.5l3-3M7.5 4.5 9 3a2.8 2.8 0 0 1 4 4l-1.5 1.5M8.5 11.5 7 13a2.8 2.8 0 0 1-4-4l1.5-1.5',
  trace: 'M2.5 4h6M5 8h6M7.5 12h6',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M5 3.5v9l7-4.5z',
  down: 'M8 3v10M4 9l4 4 4-4',
  left: 'M10 3.5 5.5 8l4.5 4.5',
  right: 'M6 3.5 10.5 8 6 12.5',
  chevron: 'M4 6l4 4 4-4',
  more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  filter: 'M2.5 3.5h11M4.5 8h7M6.5 12.5h3',
  out: 'M10.5 10.5 14 14M4.5 7h5M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Z',
  help: 'M5.8 6a2.2 2.2 0 1 1 3.3 1.9c-.8.5-1.1.8-1.1 1.6M8 12.2h.01',
  wrap: 'M2.5 4h11M2.5 8h8.5a2 2 0 0 1 0 4H8M9.5 10.5 8 12l1.5 1.5M2.5 12h3',
  rows: 'M2.5 4h11M2.5 8h11M2.5 12h11',
  check: 'M3 8.5l3.2 3L13 4.5',
  save: 'M3.5 2.5h9v11L8 10.5l-4.5 3z',
} as const

export type IconName = keyof typeof PATHS

/** Decoration: whatever bears it has a name of its own. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  )
}
