import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * A sender may ask again before it has been answered, and its answers go out one after the other. Node tells only the one
 * whose turn it is that the connection is over: here the others are told as well, so that whoever works for them stops.
 */
export function endWaitingAnswers(server: Server): void {
  const waitingOn = new WeakMap<Socket, Set<ServerResponse>>()
  const begin = ({ socket }: IncomingMessage, response: ServerResponse): void => {
    if (response.socket) return
    let waiting = waitingOn.get(socket)
    if (!waiting) {
      const answers = (waiting = new Set<ServerResponse>())
      waitingOn.set(socket, answers)
      socket.once('close', () => {
        for (const answer of answers) end(answer)
      })
    }
    waiting.add(response)
    response.once('socket', () => waiting.delete(response))
  }
  server.prependListener('request', begin)
  server.prependListener('checkContinue', begin)
}

function end(response: ServerResponse): void {
  response.destroy()
  response.emit('close')
}
