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
      note: 'The last hour of a small shop, then what happens there now, to look around with.',
      text: `tailrace demo --past 1h --url ${origin}`,
    },
    {
      name: 'A file or a program',
      note: 'Every line becomes an event; JSON lines become events with fields.',
      text: `tail -F app.log | tailrace send --service app --url ${origin}`,
    },
    {
      name: 'Log files',
      note: 'Followed through rotation, from where they were left off.',
      text: `tailrace agent --url ${origin} '/var/log/**/*.log'`,
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
  return [...commands, ...logdCommands(listeners['logd']), ...auditCommands(listeners['forward'])]
}

function logdCommands(address: string | undefined): FirstCommand[] {
  const place = placeOf(address)
  if (!place) return []
  return [
    {
      name: 'Node.js: tailrace/logd',
      note: 'A signed packet over UDP: a few microseconds a call, nothing to wait for.',
      text: script(
        `import { createLogger } from 'tailrace/logd'`,
        `createLogger({ host: '${place.host}', port: ${place.port}, key: 'hello', secret: process.env.LOGD_WRITE_SECRET }).info('it works')`,
      ),
    },
  ]
}

const AUDIT_RECORD =
  `type: 'ControlPlane', operationName: 'TryTailrace', operationCategories: ['UserManagement'], operationType: 'Read', ` +
  `operationResult: 'Success', operationAccessLevel: 'Reader', callerAgent: 'hello/1.0', callerIpAddress: '192.0.2.1', ` +
  `callerIdentities: { Username: [{ identity: 'ann', description: 'a person' }] }, callerAccessLevels: ['Reader'], ` +
  `targetResources: { Page: [{ name: 'first run' }] }`

function auditCommands(address: string | undefined): FirstCommand[] {
  const place = placeOf(address)
  if (!place) return []
  return [
    {
      name: 'Node.js: tailrace/audit',
      note: 'Security audit records, checked before they leave.',
      text: script(
        `import { createSmartAuditClient, tcpConnection } from 'tailrace/audit'`,
        `const audit = createSmartAuditClient(tcpConnection({ host: '${place.host}', port: ${place.port} }), { acknowledge: true })`,
        `audit.send({ ${AUDIT_RECORD} })`,
        `await audit.close()`,
      ),
    },
  ]
}

/** Of a listener with an address and a port; sockets in a folder are another machine's business. */
function placeOf(address: string | undefined): { host: string; port: string } | undefined {
  const [, host, port] = /^(?:\w+:\/\/)?\[?([\w.:-]+?)\]?:(\d+)$/.exec(address ?? '') ?? []
  return host === undefined || port === undefined ? undefined : { host, port }
}

function script(...statements: string[]): string {
  return `node --input-type=module -e "${statements.join('; ')}"`
}
