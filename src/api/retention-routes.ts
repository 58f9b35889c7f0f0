import { Type } from 'typebox'
import { endedError } from '../core/principal.ts'
import type { ApiContext } from './context.ts'
import { watchReader } from './disconnect.ts'
import { problems, type ApiServer } from './schemas.ts'

const RuleSchema = Type.Object(
  {
    filter: Type.String({
      minLength: 1,
      maxLength: 10_000,
      description: 'A filter of the query language, without pipes',
    }),
    age: Type.String({
      maxLength: 50,
      description: 'How long what it selects is kept, since it was received; 0: for ever',
    }),
  },
  { title: 'RetentionRule', examples: [{ filter: 'level:debug', age: '2d' }] },
)
const RulesSchema = Type.Array(RuleSchema, {
  maxItems: 100,
  description: 'The first that selects an event decides',
})

const RetentionSchema = Type.Object(
  {
    ageMs: Type.Number({ description: 'How long everything else is kept; 0: for ever' }),
    diskBytes: Type.Number({ description: 'Beyond this size the oldest days are dropped; 0: no limit' }),
    configured: Type.Array(RuleSchema, { description: 'Of the configuration: they come first, and are changed there' }),
    rules: Type.Array(RuleSchema, { description: 'Set while the server runs, kept in the data folder' }),
    revision: Type.String({ description: 'Tells one state of `rules` from others' }),
  },
  { title: 'Retention' },
)

const instant = Type.Union([Type.String(), Type.Null()])
const PreviewSchema = Type.Object(
  {
    rules: Type.Array(
      Type.Object({
        filter: Type.String({ description: '`*` is what no rule selects' }),
        age: Type.String(),
        events: Type.Number(),
        bytes: Type.Number({ description: 'On disk, about' }),
        oldest: instant,
        newest: instant,
      }),
    ),
  },
  { title: 'RetentionPreview' },
)

/** `/api/v1/retention`: how long events are kept, and what a change would delete. */
export function registerRetention(app: ApiServer, { retention, audit }: ApiContext): void {
  const tags = ['server']
  app.get(
    '/api/v1/retention',
    {
      config: { access: 'figures' },
      schema: { tags, summary: 'How long events are kept', response: { 200: RetentionSchema } },
    },
    (_request, reply) => {
      reply.header('cache-control', 'no-store')
      return retention.current()
    },
  )
  app.put(
    '/api/v1/retention',
    {
      config: { access: 'admin' },
      schema: {
        tags,
        summary: 'Change the rules of retention',
        description:
          'Puts these rules in the place of all that are not of the configuration. Applied within an hour; what is ' +
          'deleted is gone for good.',
        body: Type.Object({
          rules: RulesSchema,
          revision: Type.String({ description: 'As the rules were when you began' }),
        }),
        response: { 200: RetentionSchema, ...problems(400, 409, 503) },
      },
    },
    async ({ body, principal, ip }, reply) => {
      await retention.change(body.rules, body.revision)
      const rules = JSON.stringify(body.rules).slice(0, AUDITED_CHARS_MAX)
      await audit({ action: 'retention.changed', principal, address: ip, details: { rules } })
      reply.header('cache-control', 'no-store')
      return retention.current()
    },
  )
  app.post(
    '/api/v1/retention/preview',
    {
      config: { access: 'admin' },
      schema: {
        tags,
        summary: 'What rules of retention would delete',
        description:
          'If these rules took the place of those that can be changed, and were applied now. Deletes nothing.',
        body: Type.Object({ rules: RulesSchema }),
        response: { 200: PreviewSchema, ...problems(400, 408, 409, 413, 503) },
      },
    },
    async ({ body, principal }, reply) => {
      const { signal, ended } = watchReader(principal, reply.raw)
      reply.header('cache-control', 'no-store')
      try {
        return { rules: await retention.preview(body.rules, signal) }
      } catch (error) {
        throw ended.aborted ? endedError(principal, error) : error
      }
    },
  )
}

/** Of the rules, in the audit trail. */
const AUDITED_CHARS_MAX = 4096
