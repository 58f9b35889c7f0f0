import type { AuditRecord } from '../src/client/audit/audit.ts'

/** As services write them: some 600 bytes, with a few fields that differ from record to record. */
export function auditRecord(number: number): AuditRecord {
  return {
    type: number % 10 === 0 ? 'ControlPlane' : 'DataPlane',
    operationName: NAMES[number % NAMES.length] ?? '',
    operationCategories: ['ResourceManagement', 'CustomerFacing'],
    operationType: 'Update',
    operationResult: 'Success',
    operationResultDescription: `request ${number} was carried out`,
    operationAccessLevel: 'Contributor',
    callerAgent: 'shop-backend/4.12',
    callerIdentities: {
      UPN: [{ identity: `user${number % 5000}@example.com`, description: 'the caller' }],
      TenantID: [{ identity: '8f14e45f-ceea-467f-a0e6-e5b5d1c2a3b4', description: 'tenant of the caller' }],
    },
    callerIpAddress: ADDRESSES[number % ADDRESSES.length] ?? '',
    callerAccessLevels: ['Contributor', 'Reader'],
    targetResources: {
      Order: [{ name: `orders/${number}`, cluster: 'shop', dataCenter: 'eu-1', region: 'europe' }],
    },
  }
}

const NAMES = ['UpdateOrder', 'RefundOrder', 'CancelOrder', 'ShipOrder', 'ExportOrders', 'MergeOrders', 'SplitOrder']
const ADDRESSES = Array.from({ length: 50 }, (_, index) => `10.3.${index}.17`)
