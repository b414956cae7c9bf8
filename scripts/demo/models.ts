import type { OrganisationName } from './organisations.ts';

export type MakerName = Extract<OrganisationName, 'kunlun' | 'aurora' | 'cascade'>;

export type Maker = {
  readonly name: MakerName;
  readonly brand: string;
  readonly domain: string;
  /** World manufacturer identifier: the first three characters of its VINs. */
  readonly wmi: string;
  /** Position 11 of a VIN, and the plant by the maker's own name. */
  readonly plants: readonly (readonly [string, string])[];
};

export const makers = {
  kunlun: {
    name: 'kunlun',
    brand: 'Kunlun 昆仑',
    domain: 'kunlun.example',
    wmi: 'LKN',
    plants: [
      ['H', 'HEFEI-2'],
      ['N', 'NANJING-1'],
    ],
  },
  aurora: {
    name: 'aurora',
    brand: 'Aurora',
    domain: 'aurora.example',
    wmi: 'W7R',
    plants: [['E', 'EMDEN-1']],
  },
  cascade: {
    name: 'cascade',
    brand: 'Cascade',
    domain: 'cascade.example',
    wmi: '5KX',
    plants: [['T', 'TACOMA-1']],
  },
} as const satisfies Record<MakerName, Maker>;

export type Model = {
  readonly maker: MakerName;
  readonly model: string;
  /** Positions 4 to 8 of its VINs. */
  readonly description: string;
  readonly fuelType: 'electric' | 'petrol' | 'diesel' | 'hybrid';
  readonly bodyType: string;
  readonly seats: number;
  readonly doors: number;
  readonly power: number;
  readonly displacement?: number;
  /** Model years. */
  readonly from: number;
  readonly to: number;
};

export const models: readonly Model[] = [
  {
    maker: 'kunlun',
    model: 'K3 昆仑K3',
    description: 'AC1B3',
    fuelType: 'petrol',
    bodyType: 'hatchback',
    seats: 5,
    doors: 5,
    power: 88,
    displacement: 1498,
    from: 2014,
    to: 2026,
  },
  {
    maker: 'kunlun',
    model: 'K5 昆仑K5',
    description: 'BD2E5',
    fuelType: 'hybrid',
    bodyType: 'sedan',
    seats: 5,
    doors: 4,
    power: 120,
    displacement: 1798,
    from: 2016,
    to: 2026,
  },
  {
    maker: 'kunlun',
    model: 'E7 昆仑E7',
    description: 'EV7S1',
    fuelType: 'electric',
    bodyType: 'suv',
    seats: 5,
    doors: 5,
    power: 180,
    from: 2018,
    to: 2026,
  },
  {
    maker: 'aurora',
    model: 'Lumen 1.6',
    description: 'ZZZL1',
    fuelType: 'diesel',
    bodyType: 'wagon',
    seats: 5,
    doors: 5,
    power: 85,
    displacement: 1598,
    from: 2014,
    to: 2022,
  },
  {
    maker: 'aurora',
    model: 'Lumen E',
    description: 'ZZZE2',
    fuelType: 'electric',
    bodyType: 'wagon',
    seats: 5,
    doors: 5,
    power: 150,
    from: 2019,
    to: 2026,
  },
  {
    maker: 'aurora',
    model: 'Brise',
    description: 'ZZZB7',
    fuelType: 'petrol',
    bodyType: 'city car',
    seats: 4,
    doors: 3,
    power: 55,
    displacement: 999,
    from: 2014,
    to: 2026,
  },
  {
    maker: 'cascade',
    model: 'Rainier',
    description: 'CR4G2',
    fuelType: 'petrol',
    bodyType: 'pickup',
    seats: 5,
    doors: 4,
    power: 210,
    displacement: 3604,
    from: 2015,
    to: 2024,
  },
];

/** Paint, by its names and how it looks. */
export const colours = [
  ['white 白色', 0xf1f2f0],
  ['black 黑色', 0x24262a],
  ['grey 灰色', 0x83878c],
  ['red 红色', 0xb02a2f],
  ['blue 蓝色', 0x2f5f9e],
  ['green 绿色', 0x3d7a55],
  ['silver 银色', 0xc3c7cb],
] as const;
