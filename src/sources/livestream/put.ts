import type { FastifyReply, FastifyRequest } from 'fastify'
import { Readable } from 'node:stream'
import { AppError } from '../../core/errors.ts'
import { endedError, type Principal } from '../../core/principal.ts'
import type { StreamCatalog } from '../../streams/catalog.ts'
import type { StreamWriter } from '../../streams/stream-writer.ts'
import type { Stream } from '../../streams/stream.ts'
import { streamPath } from '../../streams/stream-name.ts'
import { senderHost } from '../sender-host.ts'
import { copyBody } from './body-copy.ts'
import { parseContentRange, type BodyPlace } from './content-range.ts'
import { isOwner } from './fields.ts'
import type { Indexer } from './indexer.ts'
import type { LivestreamContext } from './settings.ts'

export interface PutParameters {
  index?: boolean
  host?: string
}

/** How far the stream has come, for who wants to go on with it. */
export const OFFSET_HEADER = 'upload-offset'
/** How long the answer waits for the last lines to become events; they do afterwards, too. */
const INDEX_WAIT = { waitMsMax: 2000, bytesMax: 32 * 1024 * 1024 }

export interface PutResult {
  name: string
  state: string
  size: number
}

export interface PutState {
  context: LivestreamContext
  indexer: Indexer
  isIndexed: boolean
}

/** Takes a stream, or the rest of one. Answers when all of it is on disk. */
export async function putStream(
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  parameters: PutParameters,
  state: PutState,
): Promise<PutResult | undefined> {
  const { context, indexer } = state
  const { principal } = request
  const existing = context.catalog.get(name)
  const place = wantedPlace(request)
  if (existing) reply.header(OFFSET_HEADER, existing.sizeBytes)
  if (existing && place && !isOwner(principal, existing)) {
    throw new AppError('ACCESS_DENIED', {
      detail: 'Another key, or one with other stamps, has begun this stream, and only that one goes on with it.',
    })
  }
  if (place?.kind === 'question') {
    if (!existing) throw new AppError('STREAM_NOT_FOUND', { detail: `There is no stream ${name}.` })
    await reply.code(204).header('tailrace-stream-state', existing.state).send()
    return undefined
  }
  const writer = await begin(request, name, parameters, { ...state, existing, place })
  const { stream } = writer
  indexer.follow(stream)
  await takeBody(request, writer, place)
  const isWhole = place?.total === undefined || stream.sizeBytes >= place.total
  if (isWhole) {
    await writer.finish()
    await indexer.settled(stream, INDEX_WAIT)
  } else await writer.interrupt()
  reply.header(OFFSET_HEADER, stream.sizeBytes)
  if (isWhole) reply.header('location', `/streams/${streamPath(name)}`)
  reply.code(isWhole ? 201 : 202)
  return { name, state: stream.state, size: stream.sizeBytes }
}

function wantedPlace({ headers }: FastifyRequest): BodyPlace | undefined {
  const header = headers['content-range']
  if (header === undefined) return undefined
  const place = parseContentRange(header)
  if (place?.kind === 'place' && place.last !== undefined) {
    const { 'content-length': length = place.last - place.first + 1 } = headers
    if (Number(length) !== place.last - place.first + 1) throw otherLength()
  }
  if (place) return place
  throw new AppError('REQUEST_INVALID', {
    detail: 'Content-Range says where in the stream the body belongs.',
    hint: 'Content-Range: bytes 100-199/*, bytes 100-199/200, or bytes */* to ask how far the stream has come',
  })
}

interface BeginState extends PutState {
  existing: Stream | undefined
  place: Extract<BodyPlace, { kind: 'place' }> | undefined
}

async function begin(
  { principal, ip }: FastifyRequest,
  name: string,
  { index, host }: PutParameters,
  { context, existing, place, isIndexed }: BeginState,
): Promise<StreamWriter> {
  const { catalog, hostname } = context
  if (place && place.first > (existing?.sizeBytes ?? 0)) throw wrongOffset(existing?.sizeBytes ?? 0, place.first)
  if (!existing || !place)
    return catalog.create(newStream(principal, name, host ?? senderHost(ip, hostname), index ?? isIndexed))
  const writer = await catalog.resume(existing)
  const { sizeBytes } = writer.stream
  // Whoever wrote before may have written on since.
  if (place.first <= sizeBytes) return writer
  await writer.interrupt()
  throw wrongOffset(sizeBytes, place.first)
}

function newStream(
  { keyId, stamps }: Principal,
  name: string,
  host: string,
  isIndexed: boolean,
): Parameters<StreamCatalog['create']>[0] {
  return { name, keyId, stamps: [...stamps], host, isIndexed }
}

function wrongOffset(sizeBytes: number, first: number): AppError {
  return new AppError('STREAM_OFFSET_WRONG', {
    detail: `The stream has ${sizeBytes} bytes, and the body begins at ${first}.`,
    hint: 'Go on at the byte that Upload-Offset names.',
  })
}

function otherLength(): AppError {
  return new AppError('REQUEST_INVALID', { detail: 'The body is not as long as Content-Range says.' })
}

/** What was taken stays when this fails. */
async function takeBody(
  { bodyReader, principal }: FastifyRequest,
  writer: StreamWriter,
  place: Extract<BodyPlace, { kind: 'place' }> | undefined,
): Promise<void> {
  const { first = 0, last, total } = place ?? {}
  let repeatedBytes = place ? writer.stream.sizeBytes - first : 0
  let bytesLeft = (last === undefined ? (total ?? Infinity) : last + 1) - first
  const take = (bytes: Buffer): Promise<void> | undefined => {
    bytesLeft -= bytes.length
    if (bytesLeft < 0) throw otherLength()
    const skipped = Math.min(repeatedBytes, bytes.length)
    repeatedBytes -= skipped
    return skipped === bytes.length ? undefined : writer.append(skipped === 0 ? bytes : bytes.subarray(skipped))
  }
  // A key may end before there is a body to fail.
  const ended = new AbortController()
  const forget = principal.onEnded(() => ended.abort(endedError(principal)))
  const signal = AbortSignal.any([writer.isCut, ended.signal])
  try {
    await copyBody(bodyReader ?? Readable.from([]), take, signal)
    await writer.settled()
    if (last !== undefined && bytesLeft > 0) throw otherLength()
  } catch (error) {
    await writer.interrupt()
    if (!writer.isCut.aborted || error instanceof AppError) throw error
    throw new AppError('STREAM_TAKEN_OVER', { detail: 'Somebody else goes on with this stream, or it was removed.' })
  } finally {
    forget()
  }
}
