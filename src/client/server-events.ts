import { StringDecoder } from 'node:string_decoder'

/** One server-sent event (WHATWG HTML §9.2). */
export interface ServerEvent {
  /** `message` unless the event names itself. */
  event: string
  data: string
  /** The newest id the stream has shown so far; empty before the first. */
  lastEventId: string
}

/** An event or line longer than this is not read. */
export const SERVER_EVENT_CHARS_MAX = 64 * 1024 * 1024

/** Reads events out of a byte stream that may be cut anywhere. An event that the stream's end cuts off is left out. */
export class ServerEventReader {
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''
  #isStart = true
  #name = ''
  #data: string[] = []
  #lastEventId: string

  constructor(lastEventId = '') {
    this.#lastEventId = lastEventId
  }

  get lastEventId(): string {
    return this.#lastEventId
  }

  /** The events that these bytes complete. Throws RangeError when one grows beyond the limit. */
  read(bytes: Buffer): ServerEvent[] {
    let text = this.#rest + this.#decoder.write(bytes)
    if (this.#isStart && text !== '') {
      this.#isStart = false
      if (text.startsWith('\ufeff')) text = text.slice(1)
    }
    const events: ServerEvent[] = []
    let start = 0
    for (;;) {
      const end = lineEnd(text, start)
      if (end === -1) break
      const line = text.slice(start, end)
      start = text[end] === '\r' && text[end + 1] === '\n' ? end + 2 : end + 1
      if (line === '') this.#dispatch(events)
      else this.#field(line)
    }
    this.#rest = text.slice(start)
    if (this.#rest.length > SERVER_EVENT_CHARS_MAX) throw new RangeError('an event of the stream is too long')
    return events
  }

  #dispatch(events: ServerEvent[]): void {
    if (this.#data.length > 0) {
      events.push({ event: this.#name || 'message', data: this.#data.join('\n'), lastEventId: this.#lastEventId })
    }
    this.#name = ''
    this.#data = []
  }

  #field(line: string): void {
    const colon = line.indexOf(':')
    if (colon === 0) return
    const name = colon === -1 ? line : line.slice(0, colon)
    const from = line[colon + 1] === ' ' ? colon + 2 : colon + 1
    const value = colon === -1 ? '' : line.slice(from)
    if (name === 'data') this.#data.push(value)
    else if (name === 'event') this.#name = value
    else if (name === 'id' && !value.includes('\0')) this.#lastEventId = value
  }
}

/** Where the line from `start` ends: at CR or LF; -1 when that is not known yet (a CR at the very end may be CRLF). */
function lineEnd(text: string, start: number): number {
  const newline = text.indexOf('\n', start)
  const carriageReturn = text.indexOf('\r', start)
  if (carriageReturn === -1 || (newline !== -1 && newline < carriageReturn)) return newline
  return carriageReturn === text.length - 1 ? -1 : carriageReturn
}
