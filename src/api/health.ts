import { Type } from 'typebox'
import { isAllowed } from '../core/principal.ts'
import type { ApiContext } from './context.ts'
import type { ApiServer } from './schemas.ts'
import type { StoreFigures } from './store-figures.ts'

interface Reason {
  part: 'store' | 'spool'
  reason: string
  /** What this means for those who send and those who read. */
  effect: string
}

/** For those who may not see figures: what the disk or the store say may hold some, or addresses. */
const INSTEAD: Readonly<Record<Reason['part'], string>> = {
  store: 'the store does not answer',
  spool: 'the spool takes no events',
}

const ReadySchema = Type.Object(
  {
    status: Type.String({ enum: ['ready', 'not ready'] }),
    reasons: Type.Array(
      Type.Object({ part: Type.String(), reason: Type.String(), effect: Type.String() }, { title: 'NotReadyReason' }),
    ),
  },
  { title: 'Readiness' },
)

/** `/healthz`: the process lives. `/readyz`: it can do all of its work, else 503 with what cannot be done and why. */
export function registerHealth(app: ApiServer, context: ApiContext, figures: StoreFigures): void {
  app.get(
    '/healthz',
    {
      config: { access: 'public' },
      schema: {
        tags: ['server'],
        summary: 'Does the process live',
        response: { 200: Type.Object({ status: Type.Literal('ok') }) },
      },
    },
    () => ({ status: 'ok' as const }),
  )

  app.get(
    '/readyz',
    {
      config: { access: 'public' },
      schema: {
        tags: ['server'],
        summary: 'Can the server do all of its work',
        description:
          '503 names what it cannot do. While only the store is away, events are still accepted. The reasons are told in ' +
          'full to keys that may see figures.',
        response: { 200: ReadySchema, 503: ReadySchema },
      },
    },
    async ({ principal }, reply) => {
      const found = await reasonsAgainst(context, figures)
      const reasons = isAllowed(principal, 'figures')
        ? found
        : found.map(({ part, effect }) => ({ part, reason: INSTEAD[part], effect }))
      reply.header('cache-control', 'no-store')
      if (reasons.length === 0) return { status: 'ready', reasons }
      return reply.code(503).header('retry-after', '2').send({ status: 'not ready', reasons })
    },
  )
}

async function reasonsAgainst(context: ApiContext, figures: StoreFigures): Promise<Reason[]> {
  const reasons: Reason[] = []
  const { refusing } = context.spool.status()
  if (refusing !== null) {
    reasons.push({ part: 'spool', reason: refusing, effect: 'new events are refused with 503 until this is over' })
  }
  if (!context.store.isReady) {
    const status = await figures.status()
    const reason = status?.reason ?? `the store is ${status === undefined ? 'not answering' : status.state}`
    const effect = refusing === null ? 'events are still accepted and wait in the spool; ' : ''
    reasons.push({ part: 'store', reason, effect: `${effect}queries answer 503 until the store is back` })
  }
  return reasons
}
