import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { until } from './wait.ts'

const REQUEST_MS_MAX = 60_000

export interface Answer {
  status: number
  headers: Headers
  /** The body read as JSON. */
  json: Record<string, unknown>
}

/** Events as NDJSON to `/api/v1/ingest`. Rejects only when the connection fails. */
export async function ingest(url: string, events: readonly object[]): Promise<Answer> {
  const body = events.map((event) => `${JSON.stringify(event)}\n`).join('')
  const response = await fetch(`${url}/api/v1/ingest`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body,
    signal: AbortSignal.timeout(REQUEST_MS_MAX),
  })
  return answerOf(response)
}

export async function getJson(url: string, path: string): Promise<Answer> {
  return answerOf(await fetch(url + path, { signal: AbortSignal.timeout(REQUEST_MS_MAX) }))
}

async function answerOf(response: Response): Promise<Answer> {
  const json = (await response.json()) as Record<string, unknown>
  return { status: response.status, headers: response.headers, json }
}

/** Runs a query and throws unless it is answered. `rows` for stats, `events` otherwise. */
export async function query(
  url: string,
  text: string,
  limit = 1000,
): Promise<{ rows: unknown[][]; events: Record<string, unknown>[] }> {
  const { status, json } = await getJson(
    url,
    `/api/v1/query?${new URLSearchParams({ query: text, limit: String(limit) }).toString()}`,
  )
  if (status !== 200) throw new Error(`query ${text} was answered ${status}: ${JSON.stringify(json)}`)
  return { rows: (json['rows'] ?? []) as unknown[][], events: (json['events'] ?? []) as Record<string, unknown>[] }
}

/** How many events a filter selects. */
export async function count(url: string, filter: string): Promise<number> {
  const { rows } = await query(url, `${filter} | stats count() n`)
  return Number(rows[0]?.[0])
}

/** A query's rows as NDJSON, one by one. */
export async function* queryStream(url: string, text: string): AsyncGenerator<Record<string, unknown>> {
  const parameters = new URLSearchParams({ query: text, format: 'ndjson', limit: '10000000' })
  const response = await fetch(`${url}/api/v1/query?${parameters.toString()}`)
  if (!response.ok || response.body === null) {
    throw new Error(`query ${text} was answered ${response.status}: ${await response.text()}`)
  }
  const input = Readable.fromWeb(response.body)
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    if (line !== '') yield JSON.parse(line) as Record<string, unknown>
  }
}

interface SpoolFigures {
  pendingRows: number
  pendingFiles: number
  loadingBatches: number
  quarantinedFiles: number
  refusing: string | null
  lastLoadError: string | null
}

export async function spoolFigures(url: string): Promise<SpoolFigures> {
  const { json } = await getJson(url, '/api/v1/status')
  return json['spool'] as SpoolFigures
}

/** Resolves when everything that was accepted is in the store. */
export async function settled(url: string, timeoutMs = 120_000): Promise<SpoolFigures> {
  return until(
    'the spool is empty',
    async () => {
      const figures = await spoolFigures(url)
      if (figures.pendingRows === 0 && figures.pendingFiles === 0 && figures.loadingBatches === 0) return figures
      throw new Error(JSON.stringify(figures))
    },
    timeoutMs,
  )
}
