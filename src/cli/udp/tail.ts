import { eventOfMessage, type ShownEvent } from '../../client/logd/event.ts'
import { tail, type LogdTailItem } from '../../client/logd/tail.ts'
import { formatCount } from '../../core/units.ts'
import { EXIT_OK, UsageError } from '../command.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { udpFilter } from './filter.ts'
import { explainLookup, udpRemote, type HttpArguments, type UdpArguments } from './remote.ts'

export interface UdpTail extends UdpArguments {
  query: string
  backlog: string
}

/** `tail --udp`: what comes in, over logd's protocol, until Ctrl-C. */
export async function tailUdp(
  given: UdpTail,
  ofHttp: HttpArguments,
  show: (item: { event: ShownEvent }) => string,
  terminal: Terminal,
): Promise<number> {
  const { out, err } = terminal
  if (given.backlog !== '0') throw new UsageError("logd's protocol has no --backlog: `tailrace query --udp` shows it")
  const filters = udpFilter(given.query, 'tail')
  const remote = await udpRemote(given, ofHttp, terminal)
  const address = `${remote.host}:${remote.port}`
  let isFirst = true
  try {
    for await (const item of tail({ ...remote, filters, signal: terminal.interruption() })) {
      if (item.kind === 'message') await out.write(show({ event: eventOfMessage(item.message) }))
      else if (item.kind === 'skipped') {
        const text = `${formatCount(item.count)} events skipped: they came faster than this reader takes them`
        await err.write(`${err.colors.yellow(text)}\n`)
      } else {
        await err.write(notice(item, address, isFirst, terminal))
        isFirst &&= item.notice !== 'watching'
      }
      if (out.isClosed) break
    }
  } catch (error) {
    throw explainLookup(error, remote)
  }
  return EXIT_OK
}

type Notice = Extract<LogdTailItem, { kind: 'notice' }>

function notice({ notice, hasGap }: Notice, address: string, isFirst: boolean, { err }: Terminal): string {
  const { yellow, green, dim } = err.colors
  if (notice === 'kicked') return `${yellow('The server has stopped sending, for want of pings; asking again')}\n`
  if (notice === 'unanswered') {
    const why = 'not there, or silent because the secret is wrong or the clocks are apart'
    return `${yellow(`No answer from ${address}: ${why}; trying again`)}\n`
  }
  if (!isFirst) return `${green(hasGap ? 'Connected again; events may be missing in between' : 'Connected again')}\n`
  return err.isTerminal ? `${dim(`Watching ${address} over UDP; Ctrl-C ends`)}\n` : ''
}
