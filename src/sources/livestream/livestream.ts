import type { FastifyInstance } from 'fastify'
import { attachStreams, NAME } from './routes.ts'
import { listenLog, type LogDoorSettings } from './log-door.ts'
import type { ListeningSource } from '../source.ts'
import type { LivestreamContext, LivestreamSettings } from './settings.ts'

/**
 * One PUT, many GETs of the same growing bytes: docs/sources/livestream.md. Its routes are on the main port; its two
 * listeners speak as livelog does.
 */
export const livestreamSource: ListeningSource<LogDoorSettings> & {
  attach(
    app: FastifyInstance,
    context: LivestreamContext,
    settings: LivestreamSettings,
  ): ReturnType<typeof attachStreams>
} = {
  name: NAME,
  attach: attachStreams,
  listen: (_context, settings) => listenLog(settings),
}
