import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Connection } from '../connection.ts'
import { ServerAway, ServerProblem } from '../failures.ts'
import { Appender } from './appender.ts'
import { doneName, fileName, listFiles, readSent, writerName } from './folder.ts'
import { runSender, type SenderStats } from './sender.ts'
import { senderPid, takeSenderLock } from './sender-lock.ts'

/** No process has this number. */
const DEAD = 4_000_000_000

let dir: string
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'eventlog-'))))
afterEach(() => rmSync(dir, { recursive: true }))

interface Received {
  n: number
  w?: string
}

/** A server that keeps what it takes; `refuse` throws what it does not like. */
function server(refuse: (events: readonly Received[], call: number) => void = () => undefined) {
  const events: Received[] = []
  const batches: number[] = []
  let calls = 0
  const connection: Pick<Connection, 'json'> = {
    async json<T>(_path: string, options: { body?: unknown; headers?: Readonly<Record<string, string>> } = {}) {
      const body = options.body as Buffer
      const plain = options.headers?.['content-encoding'] === 'gzip' ? gunzipSync(body) : body
      const given = JSON.parse(plain.toString()) as Received[]
      refuse(given, calls++)
      events.push(...given)
      batches.push(given.length)
      return {} as T
    },
  }
  return { connection, events, batches }
}

function send(connection: Pick<Connection, 'json'>, signal = new AbortController().signal, isOurs = () => true) {
  const stats: SenderStats = { delivered: 0, refused: 0 }
  const troubles: (string | null)[] = []
  const waits: number[] = []
  const done = runSender({
    dir,
    connection,
    signal,
    isOurs,
    stats,
    idleMsMax: 0,
    now: () => 0,
    onTrouble: (reason) => troubles.push(reason),
    patience: { wait: async (ms) => void waits.push(ms), random: () => 0 },
  })
  return { done, stats, troubles, waits }
}

function write(writer: string, number: number, lines: readonly string[], isDone = true): string {
  const name = fileName(writer, number)
  const path = join(dir, isDone ? doneName(name) : name)
  writeFileSync(path, lines.join(''))
  return path
}

const lines = (from: number, to: number, w?: string): string[] =>
  Array.from({ length: to - from }, (_, index) => `${JSON.stringify({ n: from + index, w })}\n`)
const lockPath = (): string => join(dir, 'sender.lock')
const numbers = (events: readonly Received[]): number[] => events.map(({ n }) => n)
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index)

const A = writerName(1, DEAD, 'a')
const B = writerName(2, DEAD, 'b')

describe('the sender', () => {
  test('sends a writer’s files in order, in batches, and deletes them', async () => {
    write(A, 0, lines(0, 1500))
    write(A, 1, lines(1500, 1501))
    write(A, 2, lines(1501, 1502), false)
    const { connection, events, batches } = server()
    const { done, stats } = send(connection)
    await done
    expect(numbers(events)).toEqual(range(0, 1502))
    expect(batches).toEqual([1000, 500, 1, 1])
    expect(stats).toEqual({ delivered: 1502, refused: 0 })
    expect(readdirSync(dir)).toEqual(['sent.json'])
  })

  test('keeps each writer’s order while it sends several', async () => {
    for (const [w, writer] of [
      ['a', A],
      ['b', B],
    ] as const)
      write(writer, 0, lines(0, 3000, w))
    const { connection, events } = server()
    await send(connection).done
    for (const w of ['a', 'b']) expect(numbers(events.filter((event) => event.w === w))).toEqual(range(0, 3000))
  })

  test('goes on where it was, and leaves a file that may still grow', async () => {
    const living = writerName(3, process.pid, 'c')
    const path = write(living, 0, lines(0, 3), false)
    const first = server()
    const stopping = new AbortController()
    const running = send(first.connection, stopping.signal)
    await expect.poll(() => first.events.length).toBe(3)
    stopping.abort()
    await running.done
    expect(readSent(dir)).toEqual(new Map([[fileName(living, 0), readFileSync(path).length]]))
    appendFileSync(path, lines(3, 5).join(''))
    renameSync(path, doneName(path))
    const second = server()
    await send(second.connection).done
    expect(numbers(second.events)).toEqual([3, 4])
    expect(existsSync(doneName(path))).toBe(false)
  })

  test('a line that was not written whole was never logged; blank and foreign lines are none', async () => {
    write(A, 0, [...lines(0, 2), '\n', 'garbage\n', '{"n":7\n', ...lines(2, 3), '{"n":99,"x'], false)
    const { connection, events } = server()
    await send(connection).done
    expect(numbers(events)).toEqual([0, 1, 2])
    expect(readdirSync(dir)).toEqual(['sent.json'])
  })

  test('a line longer than a batch', async () => {
    const long = `${JSON.stringify({ n: 1, text: 'x'.repeat(3 * 1024 * 1024) })}\n`
    write(A, 0, [...lines(0, 1), long, ...lines(2, 3)])
    const { connection, events } = server()
    await send(connection).done
    expect(numbers(events)).toEqual([0, 1, 2])
  })

  test('tries again, in the server’s pace, without losing the order', async () => {
    write(A, 0, lines(0, 2500))
    const failures = [
      new ServerAway('http://x', new Error('gone')),
      new ServerProblem({ status: 503 }, { retryAfterMs: 7000 }),
      new ServerProblem({ status: 401, detail: 'The key is not valid' }),
    ]
    const { connection, events } = server((_events, call) => {
      const failure = call % 2 === 0 ? failures[call / 2] : undefined
      if (failure) throw failure
    })
    const { done, troubles, waits } = send(connection)
    await done
    expect(numbers(events)).toEqual(range(0, 2500))
    expect(troubles).toEqual([
      'No answer from http://x: gone',
      null,
      expect.any(String),
      null,
      'The key is not valid',
      null,
    ])
    expect(waits.slice(0, 3)).toEqual([125, 7000, 125])
  })

  test('ends in the middle of its trouble when it is told to', async () => {
    write(A, 0, lines(0, 1500))
    write(B, 0, lines(0, 10))
    const { connection, events } = server(() => {
      throw new ServerAway('http://x', new Error('gone'))
    })
    const stopping = new AbortController()
    const stats: SenderStats = { delivered: 0, refused: 0 }
    await runSender({
      dir,
      connection,
      signal: stopping.signal,
      isOurs: () => true,
      stats,
      idleMsMax: Infinity,
      now: () => 0,
      onTrouble: () => stopping.abort(),
      patience: {
        wait: async (_ms, signal) => signal?.throwIfAborted(),
        random: () => 0,
      },
    })
    expect([events, stats.delivered]).toEqual([[], 0])
    await send(server().connection).done
    expect(readdirSync(dir)).toEqual(['sent.json'])
  })

  test('stops when the folder has become somebody else’s', async () => {
    write(A, 0, lines(0, 2500))
    const { connection, events, batches } = server()
    await send(connection, undefined, () => batches.length < 2).done
    expect(events).toHaveLength(2000)
    await send(connection).done
    expect(numbers(events)).toEqual(range(0, 2500))
  })

  test('sends the files of writers whose clocks said anything', async () => {
    for (const [index, startMs] of [-1, 0, Date.UTC(9999, 0), 8.64e15].entries()) {
      write(writerName(startMs, DEAD, 'abcd'.charAt(index)), 0, lines(index, index + 1))
    }
    expect(listFiles(dir)).toHaveLength(4)
    const { connection, events } = server()
    await send(connection).done
    expect(numbers(events).sort((a, b) => a - b)).toEqual(range(0, 4))
  })

  test('sets aside what the server will never take, and nothing else', async () => {
    write(A, 0, lines(0, 64))
    const { connection, events } = server((given) => {
      if (given.some(({ n }) => n === 13 || n === 14 || n === 63))
        throw new ServerProblem({ status: 400, detail: 'no' })
    })
    const { done, stats } = send(connection)
    await done
    expect(numbers(events)).toEqual(range(0, 63).filter((n) => n !== 13 && n !== 14))
    expect(stats).toEqual({ delivered: 61, refused: 3 })
    const refused = readFileSync(join(dir, 'refused.ndjson'), 'utf8').trimEnd().split('\n')
    expect(refused.map((line) => JSON.parse(line) as object)).toMatchObject(
      [13, 14, 63].map((n) => ({ reason: 'no', line: JSON.stringify({ n }) })),
    )
  })
})

describe('the lock of a folder', () => {
  test('has one holder, and is free when given back', () => {
    const lock = takeSenderLock(dir)
    expect([senderPid(dir), takeSenderLock(dir), lock?.isHeld()]).toEqual([process.pid, undefined, true])
    lock?.release()
    expect(senderPid(dir)).toBe(undefined)
  })

  test.each([
    ['of a dead process', `${DEAD} 1\n`],
    ['of another process that had our number', `${process.pid} 1\n`],
    ['that was damaged', 'x'],
    ['without content', ''],
  ])('%s is taken over', (_name, content) => {
    writeFileSync(lockPath(), content)
    expect(senderPid(dir)).toBe(undefined)
    expect(takeSenderLock(dir)?.isHeld()).toBe(true)
  })

  test('that another has taken is not given back for it', () => {
    const lock = takeSenderLock(dir)
    writeFileSync(lockPath(), '1 1\n')
    expect(lock?.isHeld()).toBe(false)
    lock?.release()
    expect(existsSync(lockPath())).toBe(true)
  })
})

describe('the appender', () => {
  const options = { writer: writerName(5, process.pid, 'e'), bytesMax: 8 * 1024 * 1024, fileBytesMax: 1024 * 1024 }
  const line = `${'x'.repeat(999)}\n`

  test('begins a new file when one is large enough', () => {
    const appender = new Appender({ ...options, dir, policy: 'refuse' })
    for (let n = 0; n < 2200; n++) expect(appender.append(line)).toBe(true)
    appender.close()
    const names = readdirSync(dir).sort()
    expect(names).toEqual([0, 1, 2].map((number) => doneName(fileName(options.writer, number))))
    expect(names.map((name) => readFileSync(join(dir, name)).length).reduce((a, b) => a + b)).toBe(2_200_000)
  })

  test('full: refuses and counts, and takes again when there is room', () => {
    const appender = new Appender({ ...options, dir, policy: 'refuse' })
    let kept = 0
    for (let n = 0; n < 10_000; n++) if (appender.append(line)) kept++
    expect(kept).toBeGreaterThan(6000)
    expect(kept).toBeLessThan(8400)
    expect(appender.stats.refused).toBe(10_000 - kept)
    for (const name of readdirSync(dir)) rmSync(join(dir, name))
    expect(appender.append(line)).toBe(true)
  })

  test('full: drops the oldest and counts; never a file that another process writes', () => {
    const other = write(writerName(1, process.pid, 'f'), 0, [line], false)
    const appender = new Appender({ ...options, dir, policy: 'drop-oldest' })
    for (let n = 0; n < 20_000; n++) expect(appender.append(line)).toBe(true)
    const held = readdirSync(dir).reduce((sum, name) => sum + readFileSync(join(dir, name)).length, 0)
    expect(held).toBeLessThan(options.bytesMax + 1024 * 1024)
    expect(appender.stats.bytesDropped).toBe(20_000_000 + 1000 - held)
    expect(existsSync(other)).toBe(true)
  })

  test('a folder that is gone costs the event, not the caller', () => {
    const appender = new Appender({ ...options, dir: join(dir, 'none'), policy: 'refuse' })
    expect(appender.append(line)).toBe(false)
    expect(appender.stats).toMatchObject({ refused: 1, lastError: expect.stringContaining('ENOENT') })
  })
})
