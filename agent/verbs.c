/* The verbs of puectl, in the order of --help. */
#include "agent/ctl.h"

const struct verb verbs[] = {
	{ "attest", "NAME yes|no|DATE|'AMOUNT UNIT' --by PERSON [--role ROLE] [--date DATE] [--text TEXT] [--evidence DOCUMENT] [--config FILE] | --revoke ID --by PERSON",
	  { "签署只有人知道的事实(改造、云计算中心、完成与申请日期)", "sign what only people know (retrofit, cloud center, completion and application dates)" },
	  { NULL, NULL }, ctl_attest },
	{ "keys", "generate|list|trust|rotate|revoke [--dir DIR]", { "签名密钥与信任库", "signing keys and the trust store" }, { NULL, NULL }, ctl_keys },
	{ "check", "FILE", { "检查站点配置(不接触网络)", "check a site configuration, without network" }, { NULL, NULL }, ctl_check },
	{ "probe", "ENDPOINT [--profile NAME] [--decode]", { "识别设备并显示解码后的数值", "identify a device and print its decoded points" }, { NULL, NULL }, ctl_probe },
	{ "certificate", "[--config FILE] [--state DIR] [--out NAME] [--number TEXT] [--issued TIME] [--supersedes NUMBER] [--date DAY] [--no-pdf]",
	  { "签发证书(JSON为准,PDF为其图示)", "issue a certificate: JSON is the truth, the PDF its picture" }, { NULL, NULL }, ctl_certificate },
	{ NULL }
};
