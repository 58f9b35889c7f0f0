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

export const STREAM_LINKS_PATH = '/api/v1/streams/shares'

/** A link that shows a stream, without what it does that with. */
export interface StreamLink {
  id: string
  stream: string
  expires: string
  /** Id of the key that made it; empty: nobody had a key. */
  key: string
  isRemovable: boolean
}
