import type { Stream } from '../../streams/stream.ts'
import { streamPath } from '../../streams/stream-name.ts'

export interface ListParameters {
  prefix?: string
  state?: string
  limit?: number
  cursor?: string
}

/** A stream as it is listed. */
export interface ListedStream {
  name: string
  state: string
  size: number
  started: string
  ended: string | null
  readers: number
  host: string
  /** Lines that are events already; null: they are not to become any. */
  lines: number | null
  url: string
}

export function listedStream(stream: Stream): ListedStream {
  const { name, state, sizeBytes, startedMs, endedMs, readers, host, indexed } = stream
  return {
    name,
    state,
    size: sizeBytes,
    started: new Date(startedMs).toISOString(),
    ended: endedMs === null ? null : new Date(endedMs).toISOString(),
    readers,
    host,
    lines: indexed?.lines ?? null,
    url: `/streams/${streamPath(name)}`,
  }
}

/** Newest first. The cursor is the id of the last stream that was listed: those after it are older, also if it is gone. */
export function listStreams(
  streams: readonly Stream[],
  { prefix = '', state, limit = 100, cursor }: ListParameters,
): { streams: ListedStream[]; cursor: string | null } {
  const [startedText, idAfter] = cursor?.split('-') ?? []
  const isAfter = ({ startedMs, id }: Stream): boolean =>
    startedText === undefined ||
    startedMs < Number(startedText) ||
    (startedMs === Number(startedText) && id < (idAfter ?? ''))
  const found = streams
    .filter((stream) => stream.name.startsWith(prefix) && (state === undefined || stream.state === state))
    .filter(isAfter)
    .sort((a, b) => b.startedMs - a.startedMs || (a.id < b.id ? 1 : -1))
  const page = found.slice(0, limit)
  const last = page.at(-1)
  return {
    streams: page.map(listedStream),
    cursor: last && found.length > page.length ? `${last.startedMs}-${last.id}` : null,
  }
}
