/** A process of its own that takes audit messages over a socket in the file system and throws them away, until it is ended. */
import { createServer } from 'node:net'

const path = process.argv[2] ?? ''
createServer((socket) => {
  socket.on('error', () => socket.destroy())
  socket.resume()
}).listen(path, () => process.stdout.write('{"ready":true}\n'))
