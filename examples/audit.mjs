// Security audit events: validated before they leave, sent by a client that never blocks. Run it against a server:
//
//   npm start -- --forward unix:///tmp/tailrace-example.sock
//
// in a clone that is built: node examples/audit.mjs. Then: tailrace query 'service:audit/* OperationName:DeleteUser'
import { createServer } from 'node:http'
import { createSmartAuditClient, unixConnection } from 'tailrace/audit'

const audit = createSmartAuditClient(unixConnection(process.env.AUDIT_SOCKET ?? '/tmp/tailrace-example.sock'), {
  // Tailrace says when a record is on disk. Agents of the original do not: leave this away for them.
  acknowledge: true,
  // What finds no room in memory while nobody is there is kept here, and sent in order later.
  overflow: { dir: '/tmp/tailrace-example-overflow' },
  onNotice: (notice) => console.log(`· ${notice.kind}${notice.error ? `: ${notice.error.message}` : ''}`),
})

// What is not an audit record never leaves, and the caller learns why.
const refused = audit.send({ type: 'DataPlane', operationName: 'Nothing' })
console.log(refused.queued, refused.error.category, refused.error.message)

// A service that answers only what it could audit.
const service = createServer((request, response) => {
  const outcome = audit.send({
    type: 'ControlPlane',
    operationName: 'DeleteUser',
    operationCategories: ['UserManagement'],
    operationType: 'Delete',
    operationResult: 'Success',
    operationAccessLevel: 'Administrator',
    callerAgent: 'example/1.0',
    callerIdentities: { UPN: [{ identity: 'ann@example.com', description: 'the administrator' }] },
    callerIpAddress: '10.3.7.17',
    callerAccessLevels: ['Administrator'],
    targetResources: { User: [{ name: request.url ?? '' }] },
    customData: { requestId: crypto.randomUUID(), at: new Date(), bytes: 123n },
  })
  response.statusCode = outcome.queued ? 204 : 503
  response.end()
})
await new Promise((resolve) => service.listen(0, '127.0.0.1', resolve))
for (const user of ['bob', 'carol']) {
  const response = await fetch(`http://127.0.0.1:${service.address().port}/users/${user}`, { method: 'DELETE' })
  console.log(user, response.status)
}
service.close()

// Waits until all is acknowledged; what is not goes to the overflow folder, for the next run.
console.log(await audit.close({ timeoutMs: 2000 }))
