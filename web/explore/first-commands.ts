export interface FirstCommand {
  name: string
  note: string
  text: string
}

export interface FirstServer {
  /** Of this page. */
  origin: string
  /** There are no keys: commands need none. */
  isOpen: boolean
  /** Name of a source → where it listens. */
  listeners: Readonly<Record<string, string>>
}

/** One line each, ready to be pasted, for this very server. */
export function firstCommands({ origin, isOpen, listeners }: FirstServer): FirstCommand[] {
  const header = isOpen ? '' : `-H "authorization: Bearer $TAILRACE_KEY" `
  const event = JSON.stringify({ service: 'hello', level: 'info', message: 'it works' })
  const commands = [
    {
      name: 'curl',
      note: 'Whatever speaks HTTP can send: JSON lines, JSON, or plain text.',
      text: `curl ${header}${origin}/api/v1/ingest -H 'content-type: application/json' -d '${event}'`,
    },
    {
      name: 'Sample traffic',
      note: 'A believable stream of a small shop, to look around with.',
      text: `tailrace demo --url ${origin}`,
    },
    {
      name: 'A file or a program',
      note: 'Every line becomes an event; JSON lines become events with fields.',
      text: `tail -F app.log | tailrace send --service app --url ${origin}`,
    },
    {
      name: 'Node.js: tailrace/eventlog',
      note: 'Events wait in a folder until the server has them, whatever dies meanwhile.',
      text: script(
        `import { createEventLogger } from 'tailrace/eventlog'`,
        `const log = createEventLogger({ url: '${origin}', facility: 'hello', dir: 'log-spool'${isOpen ? '' : ', key: process.env.TAILRACE_KEY'} })`,
        `log.info('it works')`,
        `await log.flush(9000)`,
        `log.close()`,
      ),
    },
  ]
  const logd = listeners['logd']
  if (logd === undefined) return commands
  const [host, port] = [logd.slice(0, logd.lastIndexOf(':')), logd.slice(logd.lastIndexOf(':') + 1)]
  commands.push({
    name: 'Node.js: tailrace/logd',
    note: 'A signed packet over UDP: a few microseconds a call, nothing to wait for.',
    text: script(
      `import { createLogger } from 'tailrace/logd'`,
      `createLogger({ host: '${host}', port: ${port}, key: 'hello', secret: process.env.LOGD_WRITE_SECRET }).info('it works')`,
    ),
  })
  return commands
}

function script(...statements: string[]): string {
  return `node --input-type=module -e "${statements.join('; ')}"`
}
