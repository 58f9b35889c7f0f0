/**
 * Removes a byte order mark from the begin of a stream and turns UTF-16 (recognised by its mark) into UTF-8. A mark
 * may be spread over several chunks.
 */
export class MarkStripper {
  #head = Buffer.alloc(0)
  #isDecided = false
  #decoder: InstanceType<typeof TextDecoder> | undefined

  /** The chunk as UTF-8, empty while too little is known. */
  push(chunk: Buffer): Buffer {
    if (this.#isDecided) return this.#decoder ? Buffer.from(this.#decoder.decode(chunk, { stream: true })) : chunk
    const head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk])
    if (isBeginOfMark(head)) {
      this.#head = Buffer.from(head)
      return Buffer.alloc(0)
    }
    return this.#decide(head)
  }

  /** What was still held back at the end of the stream. */
  end(): Buffer {
    if (!this.#isDecided) return this.#decide(this.#head)
    return this.#decoder ? Buffer.from(this.#decoder.decode()) : Buffer.alloc(0)
  }

  #decide(head: Buffer): Buffer {
    this.#isDecided = true
    this.#head = Buffer.alloc(0)
    if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) return head.subarray(3)
    if (head[0] === 0xff && head[1] === 0xfe) this.#decoder = new TextDecoder('utf-16le')
    else if (head[0] === 0xfe && head[1] === 0xff) this.#decoder = new TextDecoder('utf-16be')
    return this.#decoder ? Buffer.from(this.#decoder.decode(head, { stream: true })) : head
  }
}

/** Whether the bytes are fewer than a mark and could become one. */
function isBeginOfMark(head: Buffer): boolean {
  if (head.length === 0) return true
  if (head.length === 1) return head[0] === 0xef || head[0] === 0xff || head[0] === 0xfe
  return head.length === 2 && head[0] === 0xef && head[1] === 0xbb
}
