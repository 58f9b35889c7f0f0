import { ApiProblem, withParameters, type Client } from '../api/client.ts'

export type ExportFormat = 'csv' | 'ndjson'

export interface ExportQuestion {
  query: string
  start: string | undefined
  end: string | undefined
  format: ExportFormat
}

export interface Progress {
  lines: number
  bytes: number
}

/** What the server streams at most. */
const EVENTS_MAX = 10_000_000
const NEWLINE = 0x0a
const TYPES: Readonly<Record<ExportFormat, string>> = { csv: 'text/csv', ndjson: 'application/x-ndjson' }
/** The last line of an NDJSON answer that failed in the middle. */
const FAILED = '{"error":'

/** The whole answer as a file, in the browser's own hands: large ones it keeps on disk. */
export async function readExport(
  client: Client,
  { query, start, end, format }: ExportQuestion,
  { signal, onProgress }: { signal: AbortSignal; onProgress: (progress: Progress) => void },
): Promise<Blob> {
  const address = withParameters('/api/v1/query', { query, start, end, format, limit: EVENTS_MAX })
  const response = await client.open(address, { signal })
  const parts: Blob[] = []
  const progress: Progress = { lines: 0, bytes: 0 }
  let last = new Uint8Array()
  const reader = response.body?.getReader()
  for (;;) {
    const { value, done } = (await reader?.read()) ?? { value: undefined, done: true }
    if (done || !value) break
    parts.push(new Blob([value]))
    last = value
    progress.bytes += value.length
    for (const byte of value) if (byte === NEWLINE) progress.lines++
    onProgress({ ...progress })
  }
  if (format === 'ndjson') await assertWhole(last)
  return new Blob(parts, { type: TYPES[format] })
}

async function assertWhole(last: Uint8Array): Promise<void> {
  const line = new TextDecoder().decode(last).trimEnd().split('\n').at(-1) ?? ''
  if (!line.startsWith(FAILED)) return
  const { error } = JSON.parse(line) as { error: { status: number; code: string; detail: string } }
  throw new ApiProblem(error)
}

/** How many lines there will be; `undefined` where that cannot be told beforehand. */
export async function countLines(
  client: Client,
  { query, start, end }: Omit<ExportQuestion, 'format'>,
  signal: AbortSignal,
): Promise<number | undefined> {
  const counting = `${query.trim() === '' ? '*' : query} | stats count() n`
  try {
    const { rows } = await client.get<{ rows: unknown[][] }>('/api/v1/query', { query: counting, start, end }, signal)
    const count = rows[0]?.[0]
    return typeof count === 'number' ? count : undefined
  } catch (error) {
    signal.throwIfAborted()
    // The export itself says what is wrong, if anything is.
    void error
    return undefined
  }
}
