import { encodeCommand, type LogdMessage } from '../../wire/logd/message.ts'

/** Datagrams that one message may take. */
export const PARTS_MAX = 32
/** Bytes of text or stack trace that a datagram has to hold at least: less is a key that leaves no room. */
const ROOM_BYTES_MIN = 64
/** What a URL is cut to when it does not leave room. */
const URL_BYTES_MAX = 256
/** `[12/32] `, and what lengths and tags may take more when the fields are full. */
const LABEL_BYTES = 24

/**
 * The payloads of a WRITE: one where the message fits into `payloadBytesMax`, else numbered parts, each a message with
 * the same key, level and request whose text begins with `[2/3] `. The times of parts are a nanosecond apart, so that they
 * are sorted as they belong. First the text goes on from part to part, then the stack trace. What is beyond PARTS_MAX
 * is cut, and its end says how much. Empty when the key alone is too long.
 */
export function payloadsOf(message: LogdMessage, payloadBytesMax: number): Buffer[] {
  const whole = encodeCommand({ name: 'write', message })
  if (whole.length <= payloadBytesMax) return [whole]
  const head = headOf(message, payloadBytesMax)
  if (!head) return []
  const room = roomOf(head, payloadBytesMax)
  const bytesMax = (PARTS_MAX - 2) * (room - 4)
  const text = cutTo(Buffer.from(message.text), bytesMax)
  const stack = cutTo(Buffer.from(message.stackTrace ?? ''), Math.max(ROOM_BYTES_MIN, bytesMax - text.length))
  const pieces = slices(text, room).map((piece) => ({ text: piece, stack: '' }))
  // The stack trace begins where the text ends, if there is room for more than a few words of it.
  const last = pieces.at(-1)
  const lastRoom = last ? room - Buffer.byteLength(last.text) : 0
  const beginning = last && lastRoom >= ROOM_BYTES_MIN ? (slices(stack, lastRoom)[0] ?? '') : ''
  if (last) last.stack = beginning
  const rest = stack.subarray(Buffer.byteLength(beginning))
  pieces.push(...slices(rest, room).map((piece) => ({ text: '', stack: piece })))
  return pieces.map(({ text, stack }, index) =>
    encodeCommand({
      name: 'write',
      message: {
        ...head,
        text: `[${index + 1}/${pieces.length}] ${text}`,
        ...(head.timeNs === undefined ? {} : { timeNs: head.timeNs + BigInt(index) }),
        ...(stack === '' ? {} : { stackTrace: stack }),
      },
    }),
  )
}

/** The message without its long texts; its URL cut visibly where it would not leave room. */
function headOf(message: LogdMessage, payloadBytesMax: number): LogdMessage | undefined {
  const { stackTrace: _cut, ...rest } = message
  const head = { ...rest, text: '' }
  if (roomOf(head, payloadBytesMax) >= ROOM_BYTES_MIN) return head
  if (head.url !== undefined) head.url = cutTo(Buffer.from(head.url), URL_BYTES_MAX).toString()
  return roomOf(head, payloadBytesMax) >= ROOM_BYTES_MIN ? head : undefined
}

function roomOf(head: LogdMessage, payloadBytesMax: number): number {
  return payloadBytesMax - encodeCommand({ name: 'write', message: head }).length - LABEL_BYTES
}

/** Ends with how much is missing when it is longer than that. */
function cutTo(bytes: Buffer, bytesMax: number): Buffer {
  if (bytes.length <= bytesMax) return bytes
  const kept = bytes.subarray(0, characterEnd(bytes, bytesMax - 40))
  return Buffer.concat([kept, Buffer.from(`… [${bytes.length - kept.length} bytes cut]`)])
}

/** Pieces of at most `bytesMax` bytes, none of which begins within a character. */
function slices(bytes: Buffer, bytesMax: number): string[] {
  const pieces: string[] = []
  for (let from = 0; from < bytes.length;) {
    const to = characterEnd(bytes, from + bytesMax)
    pieces.push(bytes.toString('utf8', from, to))
    from = to
  }
  return pieces
}

/** The last place up to `at` where a character ends. */
function characterEnd(bytes: Buffer, at: number): number {
  if (at >= bytes.length) return bytes.length
  let end = at
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return end
}
