/** The ledger of the fault tests must be able to find fault: here it meets stores that lose and repeat. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { FAULTLESS, Ledger, Target } from './system/harness/ledger.ts'

interface Row {
  service: string
  message: string
}

/** Speaks as much of the API as the ledger needs; `keep` says how often a row is stored. */
async function startStore(keep: (row: Row) => number, accepted = (rows: number): number => rows): Promise<string> {
  const stored: Row[] = []
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const lines = (await text(request)).trimEnd().split('\n')
    for (const row of lines.map((line) => JSON.parse(line) as Row)) {
      stored.push(...Array.from({ length: keep(row) }, () => row))
    }
    response.end(JSON.stringify({ accepted: accepted(lines.length), rejected: [] }))
  }
  const server = createServer((request, response) => {
    if (request.method === 'POST') {
      void take(request, response)
      return
    }
    const url = new URL(request.url ?? '', 'http://localhost')
    const service = /service:(\S+)/.exec(url.searchParams.get('query') ?? '')?.[1]
    for (const row of stored) {
      if (row.service === service) response.write(`${JSON.stringify({ message: row.message })}\n`)
    }
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function ledgerOver(url: string): Promise<Ledger> {
  const target = new Target()
  const ledger = new Ledger({ target, seed: 1, producers: 2 }).start()
  target.up(url)
  await ledger.progress(200)
  await ledger.stop()
  return ledger
}

const isSeven = (row: Row): boolean => row.service === 'ledger-1' && row.message === '7'

test.each([
  ['a faultless store', () => 1, FAULTLESS],
  ['a lost event', (row: Row) => (isSeven(row) ? 0 : 1), { ...FAULTLESS, missing: ['ledger-1 7'] }],
  ['a repeated event', (row: Row) => (isSeven(row) ? 2 : 1), { ...FAULTLESS, repeated: ['ledger-1 7: 2 times'] }],
])('%s', async (_what, keep, expected) => {
  const url = await startStore(keep)
  const ledger = await ledgerOver(url)
  expect(await ledger.check(url)).toEqual(expected)
  expect(ledger.acknowledged).toBeGreaterThanOrEqual(200)
})

test('an answer for fewer events than were sent', async () => {
  const url = await startStore(
    () => 1,
    (rows) => rows - 1,
  )
  const ledger = await ledgerOver(url)
  expect((await ledger.check(url)).wrongAnswers).not.toEqual([])
})
