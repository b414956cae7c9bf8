import type { OrganisationName } from './organisations.ts';
import type { DemoRandom } from './random.ts';

/** A market: who does what there, and how its registry writes things down. */
export type Place = {
  readonly market: 'FR' | 'CN';
  readonly registrar: OrganisationName;
  readonly dealer: OrganisationName;
  readonly workshop: OrganisationName;
  readonly insurer: OrganisationName;
  readonly inspector: OrganisationName;
  readonly currency: 'EUR' | 'CNY';
  readonly people: readonly string[];
  readonly towns: readonly string[];
  plate(random: DemoRandom): string;
  /** The registry's codes for its events. */
  readonly codes: {
    readonly first: string;
    readonly import: string;
    readonly again: string;
    readonly change: string;
    readonly ceded: string;
    readonly bought: string;
    readonly lessee: string;
    readonly issued: string;
    readonly duplicate: string;
    readonly lien: string;
    readonly release: string;
    readonly opposition: string;
    readonly lifted: string;
    readonly seizure: string;
    readonly seizureLifted: string;
    readonly exported: string;
    readonly withdrawn: string;
  };
};

const letters = 'ABCDEFGHJKLMNPQRSTVWXYZ';
const letter = (random: DemoRandom): string => letters.charAt(random.integer(0, letters.length - 1));

export const france: Place = {
  market: 'FR',
  registrar: 'registry',
  dealer: 'northgate',
  workshop: 'riverside',
  insurer: 'harbour',
  inspector: 'clearlane',
  currency: 'EUR',
  people: [
    'Camille Exemple',
    'Noé Modèle',
    'Inès Fictive',
    'Louis Essai',
    'Jade Démonstration',
    'Adam Témoin',
    'Chloé Spécimen',
    'Malo Inventé',
  ],
  towns: ['Lyon', 'Nantes', 'Lille', 'Toulouse', 'Dijon', 'Rennes'],
  plate: (random) =>
    `${letter(random)}${letter(random)}-${random.integer(100, 999)}-${letter(random)}${letter(random)}`,
  codes: {
    first: 'IMMAT_NORMALE',
    import: 'IMMAT_NORMALE_PREM_VO',
    again: 'REIMMAT_ETRANGER',
    change: 'CHANG_TIT_NORMAL',
    ceded: 'DECLARATION_CESSION',
    bought: 'DECLARATION_ACHAT',
    lessee: 'CHANG_LOC',
    issued: 'CERTIFICAT',
    duplicate: 'DUPLICATA',
    lien: 'INSCRIPTION_GAGE',
    release: 'RADIATION_GAGE',
    opposition: 'INSCRIRE_OTCI',
    lifted: 'LEVER_OTCI',
    seizure: 'INSCRIRE_DVS',
    seizureLifted: 'LEVER_DVS',
    exported: 'SORTIE_TERRITOIRE',
    withdrawn: 'RETRAIT_VOLONTAIRE',
  },
};

export const jiangnan: Place = {
  market: 'CN',
  registrar: 'jiangnan-office',
  dealer: 'east-lake',
  workshop: 'bamboo-street',
  insurer: 'jade-shield',
  inspector: 'plum-tree',
  currency: 'CNY',
  people: ['李样', '王示例', '张试', '陈演', '刘范', '赵拟', '周设', '吴例'],
  towns: ['南京', '苏州', '合肥', '杭州', '无锡', '常州'],
  plate: (random) => `苏${letter(random)}·${random.integer(10_000, 99_999)}`,
  codes: {
    first: 'REG.INITIAL',
    import: 'REG.IMPORT',
    again: 'REG.AGAIN',
    change: 'REG.TRANSFER',
    ceded: 'REG.CEDED',
    bought: 'REG.DEALER',
    lessee: 'REG.LESSEE',
    issued: 'DOC.ISSUED',
    duplicate: 'DOC.DUPLICATE',
    lien: 'LIEN.REGISTERED',
    release: 'LIEN.RELEASED',
    opposition: 'HOLD.ENTERED',
    lifted: 'HOLD.LIFTED',
    seizure: 'SEIZURE.ENTERED',
    seizureLifted: 'SEIZURE.LIFTED',
    exported: 'REG.EXPORTED',
    withdrawn: 'REG.WITHDRAWN',
  },
};
