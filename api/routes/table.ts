import type { Route } from '../http/route.ts';
import { createChallenge, createKey, createSession, deleteKey, deleteSession, listKeys } from './access.ts';
import { getAccessLog } from './accessLog.ts';
import { alertRoutes } from './alerts.ts';
import { createBackup } from './backup.ts';
import { checkPart } from './checks.ts';
import { searchClaims } from './claims.ts';
import { getConsent, giveConsent, listConsents, revokeConsent } from './consents.ts';
import { getBlock, uploadDocument } from './documents.ts';
import { erasureRoutes } from './erasures.ts';
import { searchEvents } from './events.ts';
import { batchesOfSerial, batchRoutes, serialRoutes, softwareRoutes, vehicleRoutes } from './histories.ts';
import { listMyBatches, listMyVehicles } from './my.ts';
import { noticeRoutes } from './notices.ts';
import { getBlockExport, getKeyExport } from './operator.ts';
import { getDirectory, getNonce, getOrganisation, listOrganisations, putProfile } from './organisations.ts';
import { acceptPartActions, getPart, getPartAction } from './parts.ts';
import { recallRoutes } from './recalls.ts';
import { callChain } from './rpc.ts';
import { descriptionRoutes, getHealth, getMetrics, getReadiness } from './service.ts';
import { abandonSet, completeSet, getSet, listSerials, putSet, putSetChunk } from './sets.ts';
import { openShare } from './shares.ts';
import { evaluateSubjects } from './subjects.ts';
import { acceptSubmissions, getSubmission } from './submissions.ts';
import { supplyRoutes } from './supply.ts';
import { getVehicleCredential, getVehiclePdf } from './takeaway.ts';
import { acceptTitleActions, getTitle, getTitleAction, listTitles } from './titles.ts';

/** Every route of the service. */
export const routes: readonly Route[] = [
  evaluateSubjects,
  acceptSubmissions,
  getSubmission,
  acceptPartActions,
  getPartAction,
  getPart,
  acceptTitleActions,
  getTitleAction,
  getTitle,
  listTitles,
  uploadDocument,
  getBlock,
  ...vehicleRoutes,
  getVehiclePdf,
  getVehicleCredential,
  ...batchRoutes,
  ...serialRoutes,
  batchesOfSerial,
  ...softwareRoutes,
  putSet,
  getSet,
  putSetChunk,
  abandonSet,
  completeSet,
  listSerials,
  ...supplyRoutes,
  searchEvents,
  searchClaims,
  giveConsent,
  listConsents,
  getConsent,
  revokeConsent,
  openShare,
  getAccessLog,
  listMyVehicles,
  listMyBatches,
  ...recallRoutes,
  ...noticeRoutes,
  ...alertRoutes,
  checkPart,
  listOrganisations,
  getOrganisation,
  getNonce,
  putProfile,
  getDirectory,
  callChain,
  createChallenge,
  createSession,
  deleteSession,
  createKey,
  listKeys,
  deleteKey,
  getHealth,
  getReadiness,
  getMetrics,
  ...descriptionRoutes(() => routes),
  ...erasureRoutes,
  createBackup,
  getKeyExport,
  getBlockExport,
];
