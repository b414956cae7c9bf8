import type { FindingWords } from './findingWords.ts';

const also = (...sentences: (string | false)[]): string =>
  sentences.filter((one) => one !== false && one !== '').join('');
const source = (name: string, by: string): string => (by === '' ? name : `${name}，${by}`);

const remedyFaults: Readonly<Record<string, string>> = {
  attesterNotShown: '发起该召回的机构的召回名单不在本历史之内。',
  unknownCampaign: '所称的召回发起机构没有这项召回。',
  notListed: '该召回未列入本车。',
  beforeListed: '该处理早于召回列入本车之时。',
};

export const findingsZh: FindingWords = {
  'odometer.discrepancy': (f) => ({
    title:
      f.direction === 'drop' ? `里程表读数比之前少 ${f.difference}` : `里程表读数异常增加 ${f.difference}`,
    text: `${f.beforeTime} 为 ${f.before}（${source(f.beforeSource, f.beforeBy)}），${f.readingTime} 为 ${f.reading}（${source(f.readingSource, f.readingBy)}）。两者不可能都正确，请索取当时的发票和检验单。`,
  }),
  'odometer.replaced': (f) => ({
    title: '更换过里程表',
    text: also(
      `新表在 ${f.readingTime} 显示 ${f.reading}。`,
      f.previous !== '' ? `旧表曾显示 ${f.previous}。` : '没有人说明旧表的读数。',
      f.documents > 0 && '附有文件。',
    ),
  }),
  'odometer.rollover': (f) => ({
    title: '里程表归零重计',
    text: `${f.beforeTime} 为 ${f.before}，${f.readingTime} 为 ${f.reading}：该表位数不足以显示全部里程。`,
  }),
  'odometer.unitChange': (f) => ({
    title: '里程单位发生变化',
    text: `${f.beforeTime} 为 ${f.before}，${f.readingTime} 为 ${f.reading}。`,
  }),
  'odometer.exempt': (f) => ({
    title: '免于申报里程',
    text: `${f.readingTime} 的读数 ${f.reading} 属免申报，不能证明实际行驶里程。`,
  }),
  'odometer.amended': (f) => ({
    title: '有一个读数已更正',
    text: `${f.reading}，${f.attester === '' ? '' : `由${f.attester}`}自 ${f.superseded} 更正而来。`,
  }),
  'lien.open': (f) => ({
    title: '该车辆设有抵押',
    text: also(
      `${f.since} 登记，没有解除记录。`,
      f.holder !== '' && `抵押权人：${f.holder}${f.rank === '' ? '' : `，第 ${f.rank} 顺位`}。`,
      f.expires !== '' && `到期日 ${f.expires}。`,
      f.reference !== '' && `编号 ${f.reference}。`,
      '债权人可能对车辆享有权利：付款前请先解除抵押。',
    ),
  }),
  'lien.expired': (f) => ({
    title: '抵押已到期但无解除记录',
    text: `${f.since} 登记，${f.expires} 到期。请索取债务已清偿的证明。`,
  }),
  'lien.releasedWithoutEntry': (f) => ({
    title: '解除了一项此处未曾登记的抵押',
    text: `${f.time} 解除。其起始不在本历史之内。`,
  }),
  'opposition.open': (f) => ({
    title: '过户被禁止',
    text: `${f.since} 提出的异议${f.type === '' ? '' : `（${f.type}）`}尚未解除，登记机构不会把车辆过户给您。`,
  }),
  'seizure.open': (f) => ({ title: '车辆已被查封', text: `${f.since} 登记，尚未解除。在此期间不得出售。` }),
  'theft.reported': (f) => ({
    title: '已报失窃',
    text: `${f.attester === '' ? '登记机构' : f.attester}说明该车辆被盗。请勿购买，并告知警方。`,
  }),
  'damage.procedure': (f) => ({
    title: f.open ? '受损车辆程序尚未解除' : '受损车辆程序，已解除',
    text: f.open
      ? '专家认定该车辆行驶有危险。在第二份鉴定报告解除之前，不得作为上路车辆出售。'
      : '专家曾认定该车辆行驶有危险；修复后第二份鉴定报告予以解除。',
  }),
  'damage.accident': (f) => ({
    title: `事故：${f.severity}`,
    text: also(
      `发生于 ${f.time}${f.areas === '' ? '' : `，受损部位：${f.areas}`}。`,
      f.airbags && '气囊弹出。',
      f.structural && '涉及结构件。',
    ),
  }),
  'claim.recorded': (f) => ({
    title: f.totalLoss ? '保险公司认定全损' : `保险理赔：${f.type}`,
    text: `${f.time}，${f.status}。`,
  }),
  'title.brand': (f) => ({
    title: `产权标记：${f.brand}`,
    text: also(
      `${f.time} 作出（代码 ${f.brandCode}）。`,
      f.wording !== '' && `${f.jurisdiction}：“${f.wording}”。`,
      '产权标记将一直伴随车辆。',
    ),
  }),
  'title.stolen': (f) => ({
    title: '已报失窃',
    text: `${f.attester === '' ? '警方' : f.attester}于 ${f.since} 报失，尚未寻回。请勿购买，并向警方告知其所在。`,
  }),
  'title.recovered': (f) => ({
    title: '曾失窃，已寻回',
    text: also(
      `${f.since} 报失，${f.time} 寻回。`,
      f.condition !== '' && `当时状况：${f.condition}。`,
      '请作检查。',
    ),
  }),
  'title.scrapped': (f) => ({
    title: '已报废',
    text: `产权已于 ${f.time} 终止${f.reason === '' ? '' : `：${f.reason}`}。以此编号出售的车辆并非本车，或本不应存在。`,
  }),
  'title.reissued': (f) => ({
    title: '产权曾改签至新密钥',
    text: `${f.attester === '' ? '登记机构' : f.attester}于 ${f.time} 补发${f.reason === '' ? '' : `（${f.reason}）`}。车主未变；如有疑问，请向登记机构查询。`,
  }),
  'title.unknown': () => ({
    title: '产权状态未知',
    text: '产权的某一步没有交出。请向其他服务索取报告，或询问登记机构。',
  }),
  'safetyPart.stolen': (f) => ({
    title: '有部件已报失窃',
    text: `${f.component === '' ? '一个安全部件' : f.component}${f.identifier === '' ? '' : `（${f.identifier}）`}已报失窃，尚未寻回。请向警方告知其所在。`,
  }),
  'safetyPart.scrapped': (f) => ({
    title: '有部件已报废',
    text: `${f.component === '' ? '一个安全部件' : f.component}${f.identifier === '' ? '' : `（${f.identifier}）`}已报废，不得再使用。`,
  }),
  'safetyPart.mounted': (f) => ({
    title: '已装在车辆上',
    text: `该部件${f.since === '' ? '' : `自 ${f.since} 起`}装在一辆车上。若单独出售，则并非其所称之部件。`,
  }),
  'safetyPart.mountedTwice': () => ({
    title: '同时装在两辆车上',
    text: '两个账本记录该部件装在不同车辆上，其中之一并非真品。',
  }),
  'safetyPart.unknown': (f) => ({
    title: '部件现状未知',
    text: `报告未显示${f.identifier === '' ? '某个安全部件' : f.identifier}的全部操作：是否仍在车上、失窃或报废，无从得知。`,
  }),
  'identity.replaced': (f) => ({
    title: '编号已被替换',
    text: also(
      f.identifier !== '' && `另一编号为 ${f.identifier}：请一并查看其历史。`,
      `时间：${f.time}${f.reason === '' ? '' : `；原因：${f.reason}`}。`,
    ),
  }),
  'registration.contradiction': (f) => ({
    title: '登记册的一条记录与产权状态矛盾',
    text: `${f.kind}，${f.time}：产权规则不允许（${f.contradicts}），而登记册如此记载。作为证据保留，请向登记机构询问。`,
  }),
  'vehicle.exported': (f) => ({
    title: '已出口',
    text: `登记机构说明车辆于 ${f.time} 离开该市场${f.destination === '' ? '' : `，前往${f.destination}`}。此后在别处发生的事可能未记录在此。`,
  }),
  'vehicle.withdrawn': (f) => ({
    title: '已停止使用',
    text: `${f.time}${f.reason === '' ? '' : `，${f.reason}`}。除非重新登记，否则不得上路。`,
  }),
  'certificate.cancelled': () => ({
    title: '登记证书已注销',
    text: '登记机构说明证书已注销，请向其询问原因。',
  }),
  'certificate.stolen': () => ({
    title: '登记证书已报失窃',
    text: '登记机构说明证书被盗。请将对方出示的证书与登记机构核对。',
  }),
  'registry.uncertain': () => ({
    title: '登记档案起始较晚',
    text: '曾有一位首任持有人，登记机构没有其记录。',
  }),
  'history.gap': (f) => ({
    title: `${f.years} 年没有任何记录`,
    text: `${f.from} 至 ${f.to} 之间没有记录。其间发生的事在此无从得知。`,
  }),
  'history.contradiction': (f) => {
    const texts: Record<string, string> = {
      twoTitles: '有两个账本都存有本车的产权，请向登记机构询问以哪一个为准。',
      twoPlaces: `${f.time} 的两条记录分别显示车辆在${f.places}。其中之一可能是套用同一号码的另一辆车。`,
      beforeProduction: `${f.time} 的一条记录早于车辆出厂。`,
      afterEndOfLife: `车辆已报废停用，但 ${f.time} 的记录显示仍在使用。`,
      transferUnderCharge: `车辆在 ${f.time} 易手时，以下限制仍然有效：${f.charge}（自 ${f.since}）。`,
      liftedWithoutEntry: `${f.charge}：${f.time} 记录了解除，但没有起始记录。`,
    };
    return { title: '记录相互矛盾', text: texts[f.rule] ?? '两条记录不可能都正确。' };
  },
  'recall.open': (f) => ({
    title: `未完成的召回：${f.title}`,
    text: also(
      `${f.attester === '' ? '' : `${f.attester}的`}召回 ${f.campaign}，自 ${f.since}（${f.severity}）。`,
      f.byPart && '该车的一个部件在召回之列。',
      f.closed && '该召回已结束，但本车没有处理记录。',
      f.remedy !== '' && `处理措施：${f.remedy}。授权维修厂免费处理。`,
    ),
  }),
  'recall.remedied': (f) => ({
    title: `召回已处理：${f.title}`,
    text: f.notNeeded
      ? `召回 ${f.campaign}，于 ${f.time} 查明无需处理。`
      : `召回 ${f.campaign}，已于 ${f.time} 处理。`,
  }),
  'batch.contains': (f) => ({
    title: `在序列号名单上：${f.identifier}`,
    text: `${f.attester}于 ${f.time} 的记录“${f.kind}”：已证明其序列号名单包含该序列号。`,
  }),
  'batch.omits': (f) => ({
    title: `不在序列号名单上：${f.identifier}`,
    text: `${f.attester}于 ${f.time} 的记录“${f.kind}”：已证明其序列号名单不包含该序列号。`,
  }),
  'batch.unproven': (f) => ({
    title: `不知是否在序列号名单上：${f.identifier}`,
    text: `${f.attester}于 ${f.time} 的记录“${f.kind}”列有序列号名单；没有证据表明该序列号是否在其上。`,
  }),
  'recall.unknown': (f) => ({
    title: f.campaign === '' ? '召回情况：未知' : `召回 ${f.campaign}：未知`,
    text:
      f.campaign === ''
        ? '本历史不含任何制造商的召回名单。请向制造商询问是否有未完成的召回。'
        : f.bySetOut
          ? `已证明召回“${f.title}”的名单不含该车，但车上有部件的批次或零件号不明，而该召回涉及同一厂家的批次或零件号。请询问制造商。`
          : `没有证据表明该车辆是否属于召回“${f.title}”。请询问制造商。`,
  }),
  'recall.remedyIgnored': (f) => ({
    title: `召回 ${f.campaign} 的处理记录不予采信`,
    text: remedyFaults[f.remedyFault] ?? '没有列入本车的召回与之相符。',
  }),
  'checkDigit.overridden': (f) => ({
    title: '登记机构接受的特殊 VIN',
    text: `该 VIN 的校验位不符，登记机构仍予登记：${f.reason}。`,
  }),
  'identity.linked': (f) => ({
    title: '该车辆另有编号',
    text: `亦即 ${f.identifier}（${f.reason}）。请同时查看那份历史。`,
  }),
  'inspection.failed': (f) => ({
    title: '最近一次检验不合格',
    text: also(
      `${f.time}（${f.type}），此后没有同类检验合格。`,
      f.dangerous > 0 && `危险缺陷 ${f.dangerous} 项。`,
    ),
  }),
  'entry.amended': (f) => ({
    title: `已更正：${f.kind}`,
    text: `原证明方更正了该记录（${f.reason}）。以更正后的值为准，原值仍可查看。`,
  }),
  'entry.retracted': (f) => ({
    title: `已撤回：${f.kind}`,
    text: `原证明方撤回了该记录（${f.reason}）。不再计入，但仍可查看。`,
  }),
  'entry.upheld': (f) => ({
    title: '一条记录经复核后维持',
    text: `${f.attester === '' ? '其证明方' : f.attester}于 ${f.time} 表示维持：${f.basis}。`,
  }),
  'entry.disputed': (f) => ({
    title: f.answer === null ? '车主对一条记录有异议' : '车主曾对一条记录提出异议',
    text: also(
      `${f.kind}${f.attester === '' ? '' : `（${f.attester}）`}，${f.time} 提出异议${f.reason === '' ? '' : `：${f.reason}`}。`,
      f.answer === null && '证明方尚未答复，请向双方询问。',
      f.answer === 'amended' && '证明方已更正。',
      f.answer === 'retracted' && '证明方已撤回。',
      f.answer === 'upheld' && '证明方维持原记录。',
    ),
  }),
  'entry.disputeIgnored': () => ({
    title: '一项不成立的异议',
    text: '它所指的并非这份历史中更早的记录，不改变任何内容。',
  }),
  'entry.amendmentIgnored': () => ({
    title: '一项不生效的更正',
    text: '它并非来自原证明方，或所指记录不在此处。不改变任何内容。',
  }),
  'entry.sealed': (f) => ({
    title: `有 ${f.count} 条记录被密封`,
    text: `证明方密封了评估所需的字段，在披露之前一律不计：${f.kinds}。请车主或证明方予以披露。`,
  }),
  'entry.withheld': (f) => ({
    title: `有 ${f.count} 条记录未交出`,
    text: `账本上有这些记录，但本报告不含其内容：${f.kinds}。请向证明方或其他服务索取。`,
  }),
  'entry.erased': (f) => ({
    title: `有 ${f.count} 条记录的内容已删除`,
    text: also(
      `其存在仍得到证明：${f.kinds}。`,
      ...f.erased
        .slice(0, 5)
        .map(
          ({ kind, attester, basis, time, operator }) =>
            `${source(kind, attester)}：${basis}，${time}（${operator}）。`,
        ),
    ),
  }),
  'entry.void': (f) => ({
    title: `有 ${f.count} 条记录无效`,
    text: `因证明方的过错而格式错误或不属于此处，一律不计：${f.kinds}。`,
  }),
  'entry.unknownKind': (f) => ({
    title: '有本页面不认识的记录种类',
    text: `这些记录存在但在此无法读取：${f.kinds}。更新版本的页面或许能够读取。`,
  }),
  'entry.refuted': (f) => ({
    title: '有记录在传送途中被改动',
    text: `交给您的内容与所记录的不同：${f.kinds}。`,
  }),
};

export const usageZh = (f: { use: string; from: string; until: string }) => ({
  title: `用途：${f.use}`,
  text: f.until === '' ? `自 ${f.from} 起。` : `${f.from} 至 ${f.until}。`,
});
