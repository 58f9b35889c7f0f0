import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Type, { type Static } from 'typebox'
import type { EventBatch } from '../../core/batch.ts'
import { AppError } from '../../core/errors.ts'
import { DELIVERY_ATTRIBUTE } from '../../core/event.ts'
import { NS_PER_MS } from '../../core/time.ts'
import { appendRowAttribute } from '../../core/row-attribute.ts'
import { decompressed } from '../../net/decompress.ts'
import { checkRows, ROWS_TYPE } from '../../wire/rows/row-check.ts'
import { problemResponses } from '../problem-responses.ts'
import type { SourceContext, SourceDefinition } from '../source.ts'
import { Deliveries, markOf } from './deliveries.ts'

const NAME = 'agent'
const RETRY_AFTER_SECONDS = 1
const SAVE_MS = 2000
/** Longest time that a delivery waits for what other servers have. */
const LOOK_MS_MAX = 5000
const NAME_PATTERN = '^[A-Za-z0-9_.-]{1,64}$'

const PlaceSchema = Type.Object({ agent: Type.String({ pattern: NAME_PATTERN, description: 'Id of the agent' }) })
const DeliverySchema = Type.Object({
  run: Type.String({ pattern: NAME_PATTERN, description: 'The process of the agent' }),
  delivery: Type.String({ pattern: NAME_PATTERN, description: 'Id of the delivery; the same when it is tried again' }),
  attempt: Type.Integer({ minimum: 1, description: 'From 1: a first one cannot have arrived before' }),
  elsewhere: Type.Optional(
    Type.Boolean({ description: 'Another server may have it: where both have one store, it is looked for there' }),
  ),
})
const StartSchema = Type.Object({
  run: Type.String({ pattern: NAME_PATTERN }),
  inDoubt: Type.Optional(Type.String({ pattern: NAME_PATTERN, description: 'A delivery that may have arrived' })),
})
const ReportSchema = Type.Object({
  host: Type.String({ maxLength: 256 }),
  version: Type.String({ maxLength: 64 }),
  files: Type.Integer({ minimum: 0 }),
  behindBytes: Type.Number({ minimum: 0 }),
  behindSeconds: Type.Number({ minimum: 0 }),
  problems: Type.Integer({ minimum: 0 }),
})
const AcceptedSchema = Type.Object({
  accepted: Type.Integer({ description: 'Events that are durable now' }),
  repeated: Type.Boolean({ description: 'It had arrived before' }),
})

const problems = problemResponses({
  400: 'The rows are not rows: nothing was kept',
  409: 'Another process of this agent has taken its place',
  413: 'The body is too large',
  429: 'Too many bodies at once; Retry-After',
  503: 'Nothing can be taken now; Retry-After',
})

/** Routes for agents: rows as they are stored, each delivery once however often it comes. docs/sources/agent.md. */
export const agentSource: SourceDefinition = {
  name: NAME,
  attach(app, context) {
    const { limits, clock, counters, stateDir } = context
    const deliveries = new Deliveries({ dir: stateDir, agentsMax: limits.agent.agentsMax, clock })
    const state: AgentState = {
      context,
      deliveries,
      isRecalled: false,
      bytes: 0,
      events: counters.counter('ingest_events_total', { source: NAME }),
      repeats: counters.counter('agent_repeated_deliveries_total'),
    }
    let saving: NodeJS.Timeout | undefined
    const save = (isLast = false): Promise<void> =>
      deliveries
        .save(isLast)
        .catch((err: unknown) => context.logger.warn({ err }, 'What agents delivered could not be saved'))
    app.addHook('onListen', (done) => {
      done()
      saving = setInterval(() => void (state.isRecalled && save()), SAVE_MS)
      saving.unref()
      void recall(state).catch((err: unknown) =>
        context.logger.warn({ err }, 'What agents delivered before could not be learned'),
      )
    })
    app.addHook('onClose', async () => {
      clearInterval(saving)
      if (state.isRecalled) await save(true)
    })
    void app.register((scope, _options, done) => {
      addRoutes(scope, state)
      done()
    })
  },
}

interface AgentState {
  context: SourceContext
  deliveries: Deliveries
  /** What was delivered to an earlier process of the server is known. */
  isRecalled: boolean
  /** Somebody looks for what other servers have. */
  looking?: Promise<string[]> | undefined
  /** Of bodies under way. */
  bytes: number
  events: ReturnType<SourceContext['counters']['counter']>
  repeats: ReturnType<SourceContext['counters']['counter']>
}

/** Deliveries since the last save, from the marks on events. */
async function recall(state: AgentState): Promise<void> {
  const { context, deliveries } = state
  const found = await context.recentValues({
    attribute: DELIVERY_ATTRIBUTE,
    windowMs: context.limits.agent.recallWindowMs,
    sinceNs: deliveries.savedThroughNs,
    valuesMax: context.limits.agent.recallMax,
  })
  deliveries.recall(found.toReversed())
  state.isRecalled = true
}

/** Deliveries that other servers have put into the store lately. What they have in their spools is not there yet. */
async function lookElsewhere(state: AgentState, agent: string, delivery: string): Promise<void> {
  const { context, deliveries } = state
  const { lookBackMs, recallMax } = context.limits.agent
  const sinceNs = context.clock() - BigInt(lookBackMs) * NS_PER_MS
  const looking = (state.looking ??= context
    .recentValues({ attribute: DELIVERY_ATTRIBUTE, windowMs: lookBackMs, sinceNs, valuesMax: recallMax })
    .finally(() => (state.looking = undefined)))
  const found = await Promise.race([looking, delay(LOOK_MS_MAX, undefined, { ref: false })])
  // The store is away: whether it is there will be known when it is back.
  if (!found) throw starting()
  deliveries.learn(found, agent, delivery)
}

function addRoutes(scope: FastifyInstance, state: AgentState): void {
  const { context } = state
  scope.addContentTypeParser(ROWS_TYPE, (_request, payload, done) => done(null, payload))
  const routes = scope.withTypeProvider<TypeBoxTypeProvider>()
  routes.post(
    '/api/v1/agents/:agent/start',
    {
      config: { access: 'write' },
      schema: {
        summary: 'A process of an agent begins; tells whether a delivery has arrived',
        tags: ['agents'],
        params: PlaceSchema,
        body: StartSchema,
        response: { 200: Type.Object({ taken: Type.Boolean() }), ...problems },
      },
    },
    async ({ params, body }) => {
      const { inDoubt, run } = body
      if (inDoubt !== undefined && !state.isRecalled) throw starting()
      state.deliveries.begin(params.agent, run)
      return { taken: inDoubt !== undefined && (await state.deliveries.has(params.agent, inDoubt)) }
    },
  )
  routes.post(
    '/api/v1/agents/:agent/report',
    {
      config: { access: 'write' },
      schema: {
        summary: 'What an agent says about itself, for the status of the server',
        tags: ['agents'],
        params: PlaceSchema,
        body: ReportSchema,
        response: { 200: Type.Object({}), ...problems },
      },
    },
    ({ params, body }) => {
      context.agents?.report({ agent: params.agent, ...body })
      return {}
    },
  )
  routes.post(
    '/api/v1/agents/:agent/events',
    {
      config: { access: 'write' },
      schema: {
        summary: 'Takes a delivery; answers once it is durable, or was before',
        tags: ['agents'],
        params: PlaceSchema,
        querystring: DeliverySchema,
        body: {
          description: 'Rows as the store loads them. Content-Encoding may be gzip.',
          content: { [ROWS_TYPE]: { schema: {} } },
        },
        response: { 200: AcceptedSchema, ...problems },
      },
    },
    (request) => take(request, request.params.agent, request.query, state),
  )
}

async function take(
  request: FastifyRequest,
  agent: string,
  { run, delivery, attempt, elsewhere = false }: Static<typeof DeliverySchema>,
  state: AgentState,
): Promise<Static<typeof AcceptedSchema>> {
  const { context, deliveries } = state
  // What may have come before is only known once that was learned.
  if (attempt > 1 && !state.isRecalled) throw starting()
  if (elsewhere && context.isStoreShared === true) await lookElsewhere(state, agent, delivery)
  const held = { bytes: 0 }
  const sink = context.sinkFor(request.principal)
  try {
    const batch = await readRows(request, state, held)
    if (deliveries.isReplaced(agent, run)) {
      throw new AppError('AGENT_REPLACED', { detail: `another process delivers as agent ${agent}` })
    }
    appendRowAttribute(batch, DELIVERY_ATTRIBUTE, markOf(agent, delivery))
    const { rows } = batch
    const isNew = await deliveries.once(agent, delivery, () => sink.write(batch))
    if (isNew) state.events.add(rows)
    else state.repeats.add()
    if (isNew) context.agents?.delivered(agent, rows)
    return { accepted: isNew ? rows : 0, repeated: !isNew }
  } finally {
    state.bytes -= held.bytes
  }
}

/** The body as a batch, every byte of it checked. */
async function readRows(request: FastifyRequest, state: AgentState, held: { bytes: number }): Promise<EventBatch> {
  const { context } = state
  const { bodyBytesMax, bytesMax, rowsMax } = context.limits.agent
  const limits = { ...context.limits, bodyBytesMax, decompressedBytesMax: bodyBytesMax }
  const sizeBytes = Number(request.headers['content-length'] ?? 0)
  const body = decompressed(request.body, request.headers['content-encoding'], limits)
  const batch = context.batches.take(Math.min(bodyBytesMax, sizeBytes) + MARK_BYTES)
  let length = 0
  for await (const chunk of body) {
    if (state.bytes + chunk.length > bytesMax) throw tooMany('as many bytes as are taken at once')
    state.bytes += chunk.length
    held.bytes += chunk.length
    batch.length = length
    batch.reserve(chunk.length)
    chunk.copy(batch.bytes, length)
    length += chunk.length
  }
  context.counters.add('ingest_bytes_total', { source: NAME }, length)
  const mistake = checkRows(batch, length, rowsMax, context.limits.event)
  if (!mistake && batch.rows > 0) return batch
  const reason = mistake?.reason ?? 'empty'
  context.counters.add('ingest_rejected_total', { source: NAME, reason })
  throw new AppError('ROWS_INVALID', {
    detail: mistake ? `row ${mistake.row}: ${reason}` : 'there is no row in the body',
  })
}

/** Room for the mark of a delivery. */
const MARK_BYTES = 1024

function starting(): AppError {
  return new AppError('AGENT_STARTING', { retryAfterSeconds: RETRY_AFTER_SECONDS })
}

function tooMany(what: string): AppError {
  return new AppError('TOO_MANY_REQUESTS', {
    detail: `${what} are there already`,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  })
}
