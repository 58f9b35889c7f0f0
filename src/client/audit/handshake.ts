import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { hostname } from 'node:os'
import { parseKey, signingKeyOf } from '../../core/signing.ts'
import { decodeHelo, decodePong, encodePing, isSameDigest, sharedKeyDigest } from '../../wire/forward/handshake.ts'
import { FAULTY, UNFINISHED, ValueScanner } from '../../wire/msgpack/scanner.ts'

/** What a Tailrace server wants to be shown by senders over TCP and TLS; agents want nothing. */
export interface ForwardCredentials {
  /** The text of a key with role write, `trk_…`, which is not sent. */
  key?: string
  /** The server's forwardSharedKey. */
  sharedKey?: string
}

const HANDSHAKE_MS_MAX = 10_000
const ANSWER_LIMITS = { depthMax: 4, bytesMax: 16 * 1024 }
const SALT_BYTES = 16

/** The client's side of the forward protocol's handshake. */
export class Handshake {
  readonly #sharedKey: string
  readonly #username: string
  readonly #password: string
  readonly #isNeeded: boolean

  /** Throws TypeError for a key that is none. */
  constructor({ key, sharedKey }: ForwardCredentials) {
    const parts = key === undefined ? undefined : parseKey(key)
    if (key !== undefined && !parts) throw new TypeError('audit: key is no key: trk_…')
    this.#isNeeded = parts !== undefined || sharedKey !== undefined
    this.#password = parts ? signingKeyOf(parts.secret).toString('base64url') : ''
    this.#username = parts?.id ?? ''
    this.#sharedKey = sharedKey ?? this.#password
  }

  /** Resolves when the server has let us in, and has shown that it knows the key as well. */
  async run(socket: Socket): Promise<void> {
    if (!this.#isNeeded) return
    const answers = new Answers(socket)
    try {
      const helo = decodeHelo(await answers.next())
      if (!helo) throw new Error('the server says something else than HELO')
      const name = hostname()
      const salt = randomBytes(SALT_BYTES)
      const { nonce } = helo
      const own = { username: this.#username, password: this.#password, authSalt: helo.authSalt }
      socket.write(encodePing({ hostname: name, salt, nonce, sharedKey: this.#sharedKey, ...own }))
      const pong = decodePong(await answers.next())
      if (!pong) throw new Error('the server says something else than PONG')
      if (!pong.isLetIn) throw new Error(`the server does not let us in: ${pong.reason}`)
      const expected = sharedKeyDigest(salt, pong.hostname, nonce, this.#sharedKey)
      if (!isSameDigest(pong.sharedKeyDigest, expected)) throw new Error('the server does not know the shared key')
    } finally {
      answers.stop()
    }
  }
}

/** The messages of a server, one at a time. */
class Answers {
  readonly #socket: Socket
  #bytes: Buffer = Buffer.alloc(0)
  #failure: Error | undefined
  #wake: (() => void) | undefined
  readonly #timer: NodeJS.Timeout
  readonly #take = (chunk: Buffer): void => {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    this.#wake?.()
  }
  readonly #fail = (): void => {
    this.#failure ??= new Error('the connection was closed')
    this.#wake?.()
  }

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', this.#take)
    socket.on('error', this.#fail)
    socket.on('close', this.#fail)
    socket.on('end', this.#fail)
    this.#timer = setTimeout(() => {
      this.#failure ??= new Error('the handshake took too long')
      this.#wake?.()
    }, HANDSHAKE_MS_MAX)
  }

  async next(): Promise<Buffer> {
    for (;;) {
      const end = new ValueScanner(ANSWER_LIMITS).end(this.#bytes, 0, this.#bytes.length)
      if (end === FAULTY) throw new Error('the server speaks another protocol')
      if (end !== UNFINISHED) {
        const message = this.#bytes.subarray(0, end)
        this.#bytes = this.#bytes.subarray(end)
        return message
      }
      if (this.#failure) throw this.#failure
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  stop(): void {
    clearTimeout(this.#timer)
    const socket = this.#socket
    socket.off('data', this.#take)
    socket.off('error', this.#fail)
    socket.off('close', this.#fail)
    socket.off('end', this.#fail)
  }
}
