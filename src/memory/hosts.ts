import type { HostReader, LinesQuestion } from '../api/hosts/host-reader.ts'
import type { StoredEvent, Visible } from '../api/event-reader.ts'
import type { EventView } from '../core/batch.ts'
import type { CheckedQuery, RowOptions } from '../query/query.ts'
import type { ReadOptions } from '../store/store.ts'
import { counting, leading, TEXT_BYTES, type Counting } from './counts.ts'

export interface MemoryHostsOptions {
  counted: Counting
  /** The events that are meant, in the order that the rows say. */
  select: (
    query: CheckedQuery,
    rows: RowOptions,
    read: ReadOptions,
    isMeant: (event: EventView) => boolean,
  ) => Promise<StoredEvent[]>
}

/** Hosts and their files: each answer by one look at all there is. */
export function createMemoryHosts({ counted, select }: MemoryHostsOptions): HostReader {
  const names = (
    nameOf: (event: EventView) => string,
    { everything }: Visible,
    limit: number,
    read: ReadOptions,
  ): Promise<string[]> =>
    counting(counted, { query: everything, range: {} }, read, (charge) => {
      const found = new Set<string>()
      return {
        visit(event) {
          const name = nameOf(event)
          if (name === '' || found.has(name)) return
          charge(TEXT_BYTES + name.length * 2)
          found.add(name)
        },
        answer: (pace) => leading(found, limit, inByteOrder, pace),
      }
    })
  return {
    hosts: (visible, limit, read) => names((event) => event.text('host'), visible, limit, read),
    files: (host, visible, limit, read) =>
      names((event) => (event.text('host') === host ? event.text('source') : ''), visible, limit, read),
    async isKnown(host, visible, read) {
      const nameOf = (event: EventView): string => (event.text('host') === host ? host : '')
      return (await names(nameOf, visible, 1, read)).length > 0
    },
    async lines(question, read) {
      const { visible, limit } = question
      if (limit === 0) return []
      return await select(visible.everything, { limit, order: 'desc' }, read, isMeant(question))
    },
  }
}

/** As the store orders texts. */
function inByteOrder(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function isMeant({ host, file, text }: LinesQuestion): (event: EventView) => boolean {
  const bytes = Buffer.from(text)
  return (event) =>
    event.text('host') === host &&
    (file === undefined || event.text('source') === file) &&
    (bytes.length === 0 || event.textBytes('message').includes(bytes))
}
