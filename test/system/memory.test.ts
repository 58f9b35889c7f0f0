import { request } from 'node:http'
import { Readable } from 'node:stream'
import { json } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { expect, test } from 'vitest'
import { count, settled } from './harness/http.ts'
import { peakResidentBytes } from './harness/processes.ts'
import { startServer } from './harness/server.ts'

const MIB = 2 ** 20
const PIECE_BYTES = 4 * MIB
const PIECES = 256
/** Far below the gigabyte that is sent. */
const RESIDENT_BYTES_MAX = 450 * MIB

/** Sends the same piece again and again as one body, no faster than it is taken. */
async function sendPieces(
  url: string,
  piece: Uint8Array,
): Promise<{ status: number; answer: Record<string, unknown> }> {
  function* pieces(): Generator<Uint8Array> {
    for (let sent = 0; sent < PIECES; sent++) yield piece
  }
  const outgoing = request(`${url}/api/v1/ingest`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
  })
  const answered = new Promise<{ status: number; answer: Record<string, unknown> }>((resolve, reject) => {
    outgoing.once('error', reject)
    outgoing.once('response', (response) => {
      json(response).then(
        (answer) => resolve({ status: response.statusCode ?? 0, answer: answer as Record<string, unknown> }),
        reject,
      )
    })
  })
  // The server may answer and close before it has read everything: the answer is what counts.
  const [result] = await Promise.all([answered, pipeline(Readable.from(pieces()), outgoing).catch(() => undefined)])
  return result
}

test('a body of 1 GiB is taken without ever being in memory', async () => {
  const server = await startServer()
  const line = `${JSON.stringify({ service: 'bulk', level: 'info', message: 'm'.repeat(1800), order: 4711 })}\n`
  const piece = Buffer.from(line.repeat(Math.floor(PIECE_BYTES / line.length)))
  const lines = (piece.length / line.length) * PIECES
  const { status, answer } = await sendPieces(server.url, piece)
  expect([status, answer]).toMatchObject([200, { accepted: lines, rejected: [] }])
  expect(peakResidentBytes(server.pid)).toBeLessThan(RESIDENT_BYTES_MAX)
  await settled(server.url)
  expect(await count(server.url, 'service:bulk')).toBe(lines)
  await server.stop()
})

test('1 GiB without a line end is refused without ever being in memory', async () => {
  const server = await startServer()
  const { status, answer } = await sendPieces(server.url, Buffer.alloc(PIECE_BYTES, 'x'))
  expect(status).toBeGreaterThanOrEqual(400)
  expect(status).toBeLessThan(500)
  expect(['NOTHING_ACCEPTED', 'BODY_TOO_LARGE']).toContain(answer['code'])
  expect(peakResidentBytes(server.pid)).toBeLessThan(RESIDENT_BYTES_MAX)
  await server.stop()
})
