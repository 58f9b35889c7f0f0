/** Reads a stream to its end, whatever happens to the connection. */

export type StreamState = 'connecting' | 'live' | 'interrupted' | 'finished' | 'away' | 'gone'

export interface StreamReaderOptions {
  url: string
  onBytes: (bytes: Uint8Array) => void
  onState: (state: StreamState, detail?: string) => void
  /** Bytes so far: where it goes on. */
  position: () => number
}

const RETRY_MS_MIN = 500
const RETRY_MS_MAX = 15_000

export async function readStream(options: StreamReaderOptions): Promise<void> {
  let waitMs = RETRY_MS_MIN
  for (;;) {
    const before = options.position()
    const isOver = await readOnce(options)
    if (isOver) return
    if (options.position() > before) waitMs = RETRY_MS_MIN
    await new Promise((resolve) => {
      setTimeout(resolve, waitMs)
    })
    waitMs = Math.min(RETRY_MS_MAX, waitMs * 2)
  }
}

/** Whether there is nothing more to come. */
async function readOnce({ url, onBytes, onState, position }: StreamReaderOptions): Promise<boolean> {
  try {
    const from = position()
    const response = await fetch(url, { headers: from === 0 ? {} : { range: `bytes=${from}-` }, cache: 'no-store' })
    const state = response.headers.get('tailrace-stream-state')
    // It has no more than this; perhaps its writer comes back.
    if (response.status === 416) return await isEnded(url, onState)
    if (!response.ok || (from > 0 && response.status !== 206)) return refused(response, onState)
    onState(state === 'interrupted' ? 'interrupted' : 'live')
    const reader = response.body?.getReader()
    for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) onBytes(read.value)
    return await isEnded(url, onState)
  } catch {
    onState('away')
    return false
  }
}

/** The answer is over: is the stream, too? */
async function isEnded(url: string, onState: StreamReaderOptions['onState']): Promise<boolean> {
  const { headers } = await fetch(url, { method: 'HEAD', cache: 'no-store' })
  const state = headers.get('tailrace-stream-state')
  onState(state === 'finished' ? 'finished' : 'interrupted')
  return state === 'finished'
}

function refused({ status }: Response, onState: StreamReaderOptions['onState']): boolean {
  if (status === 401 || status === 403) onState('gone', 'the key is no longer valid')
  else if (status === 404) onState('gone', 'the stream is not there any more')
  else onState('away', `the server answered ${status}`)
  return status === 401 || status === 403 || status === 404
}
