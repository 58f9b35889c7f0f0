/**
 * `tailrace/audit`: validated security audit events, to an agent or to Tailrace. `docs/audit.md` shows how. Start at
 * `smart-client.ts`; `client.ts` is for who wants to mind the connection.
 */
export {
  createSmartAuditClient,
  type BackoffOptions,
  type SmartAuditClient,
  type SmartAuditOptions,
  type SmartAuditStats,
} from './smart-client.ts'
export { createAuditClient, type AuditClient } from './client.ts'
export type { AuditLogger, AuditOptions, AuditStats, CloseOutcome } from './engine.ts'
export type { AuditHook, SendWaitOptions } from './taker.ts'
export type { AuditNotice, DeliveredNotice } from './notices.ts'
export type { OverflowOptions } from './overflow.ts'
export { AuditError, type AuditErrorCategory, type SendOutcome } from './outcome.ts'
export type { AuditConnection, ConnectionEvents } from './connection.ts'
export { noConnection, tcpConnection, tlsConnection, unixConnection } from './socket-connection.ts'
export type { TcpOptions, TlsOptions } from './socket-connection.ts'
export { auditConsole, type AuditConsole, type AuditConsoleOptions, type AuditMapping } from './audit-console.ts'
export { cloneRecord } from '../../wire/audit/record.ts'
export { invalidReason } from '../../wire/audit/validate.ts'
export { encodeAuditRecord } from './encode-record.ts'
export type {
  AuditHeartbeat,
  AuditMessage,
  AuditRecord,
  CallerIdentity,
  TargetResource,
} from '../../wire/audit/record.ts'
export {
  CALLER_IDENTITY_TYPES,
  OPERATION_CATEGORIES,
  OPERATION_RESULTS,
  OPERATION_TYPES,
  type AuditType,
  type CallerIdentityType,
  type OperationCategory,
  type OperationResult,
  type OperationType,
} from '../../wire/audit/words.ts'
