export const STREAMS_PATH = '/streams/'

/** A stream as the server lists it. */
export interface ListedStream {
  name: string
  state: 'live' | 'interrupted' | 'finished'
  size: number
  started: string
  ended: string | null
  readers: number
  host: string
  /** Lines that are events already; null: they are not to become any. */
  lines: number | null
  url: string
}
