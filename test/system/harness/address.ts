import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { TestServer } from './server.ts'
import { until } from './wait.ts'

/** An address that stays while servers behind it come and go, and that may lose what they answer. */
export class Address {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #port = 0
  #losesAnswers = false
  lostAnswers = 0

  constructor() {
    this.#server = createServer((socket) => {
      const onward = connect(this.#port, '127.0.0.1')
      for (const [one, other] of [
        [socket, onward],
        [onward, socket],
      ] as const) {
        this.#sockets.add(one)
        one.on('error', () => other.destroy())
        one.on('close', () => {
          this.#sockets.delete(one)
          other.destroy()
        })
      }
      socket.pipe(onward)
      onward.on('data', (answer: Buffer) => {
        if (this.#losesAnswers) this.lostAnswers++
        else socket.write(answer)
      })
    })
    onTestFinished(() => {
      this.#server.close()
      for (const socket of this.#sockets) socket.destroy()
    })
  }

  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  leadsTo(server: TestServer): void {
    this.#port = Number(new URL(server.url).port)
  }

  /** Resolves when the server has answered something that nobody got; nothing is let through before `keepAnswers`. */
  async loseAnswer(): Promise<void> {
    const { lostAnswers } = this
    this.#losesAnswers = true
    await until('an answer is lost', () => this.lostAnswers > lostAnswers)
  }

  keepAnswers(): void {
    this.#losesAnswers = false
  }
}
