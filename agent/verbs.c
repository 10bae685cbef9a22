/* The verbs of puectl, in the order of --help. */
#include "agent/ctl.h"
#include "agent/probe_mqtt.h"

const struct verb verbs[] = {
	{ "attest", "NAME yes|no|DATE|'AMOUNT UNIT' --by PERSON [--role ROLE] [--date DATE] [--text TEXT] [--evidence DOCUMENT] [--config FILE] | --revoke ID --by PERSON",
	  { "签署只有人知道的事实(改造、云计算中心、完成与申请日期)", "sign what only people know (retrofit, cloud center, completion and application dates)" },
	  { NULL, NULL }, ctl_attest },
	{ "eligibility", "[--why] [--facts FILE] [--assume FACT=VALUE]... [--pack NAME|FILE] [--trust KEYS] [--config FILE] [--state DIR] [--date DAY]",
	  { "按规则包判定是否符合条件", "is the site eligible under a policy pack, by what margin, and what is missing" },
	  { "--facts FILE  不用存储,判定一个事实文件\n--why         逐项列出数值、限值、裕度、读法与原文\n--assume      假设,例如 racks=1010;结果标明不是证据\n退出码: 0 符合, 10 不符合, 11 无法判定或取决于读法",
	    "--facts FILE  judge a file of facts, without a store\n--why         each criterion with value, limit, margin, readings and quoted text\n--assume      what-if, for example racks=1010; marked as not evidence\nExit codes: 0 eligible, 10 not eligible, 11 not decidable or depending on the reading" },
	  ctl_eligibility },
	{ "keys", "generate|list|trust|rotate|revoke [--dir DIR]", { "签名密钥与信任库", "signing keys and the trust store" }, { NULL, NULL }, ctl_keys },
	{ "pack", "list | check|test|show PACK [--text POLICY.txt] [--facts] | sign PACK --keys DIR [--site ID]",
	  { "规则包:检查、试算、显示、签名", "policy packs: check, test, show, sign" },
	  { "check  格式、单位、用词;--text 核对每一处引文\ntest   运行包内算例\nshow   显示内容;--facts 列出可用的事实\nsign   写出 PACK.jws",
	    "check  form, units, words; with --text every quote against the policy's text\ntest   run the vectors inside the pack\nshow   what it says; with --facts the facts a pack may ask for\nsign   writes PACK.jws" },
	  ctl_pack },
	{ "verify", "FILE --trust KEYS [--pack FILE] [--site ID] [--revoked FILE]... [--at TIME] | --store DIR [--head FILE]",
	  { "离线核验证书或报告", "verify a certificate or report, offline" },
	  { "--trust    可信公钥(文件或目录);从不取自被核验的文件\n--revoked  撤销声明\n--store    核验存储中的全部证据\n退出码: 0 有效, 12 签名或证据无效",
	    "--trust    keys you trust (a file or a directory); never taken from the file itself\n--revoked  signed revocations\n--store    walk all evidence of a store\nExit codes: 0 valid, 12 signature or evidence does not hold" },
	  ctl_verify },
	{ "check", "FILE", { "检查站点配置(不接触网络)", "check a site configuration, without network" }, { NULL, NULL }, ctl_check },
	{ "probe", "ENDPOINT [--profile NAME] [--decode] | mqtt [--config FILE]", { "识别设备并显示解码后的数值", "identify a device and print its decoded points" }, { NULL, NULL }, ctl_probe_any },
	{ "status", "[--port N | --config FILE]", { "运行中的 pued 的状态,一屏", "what the running pued says, on one screen" },
	  { "退出码: 0 正常, 13 降级, 69 没有应答", "Exit codes: 0 ok, 13 degraded, 69 no answer" }, ctl_status },
	{ "top", "[--by timeouts|failures|late|latency|polls] [--once] [--port N | --config FILE]",
	  { "按超时、失败、时延给设备排名", "devices by time-outs, failures and latency" }, { "回车结束", "Enter ends it" }, ctl_top },
	{ "certificate", "[--config FILE] [--state DIR] [--out NAME] [--number TEXT] [--issued TIME] [--supersedes NUMBER] [--date DAY] [--no-pdf]",
	  { "签发证书(JSON为准,PDF为其图示)", "issue a certificate: JSON is the truth, the PDF its picture" }, { NULL, NULL }, ctl_certificate },
	{ "replay", "--config SITE.yaml FILE [--from DATE --to DATE] [--summary] [--leaves]",
	  { "折算一份读数记录,打印时段与指标", "fold a recording of readings; print closed intervals and KPIs" },
	  { "--from, --to  指标的本地日期(含)\n--summary     只打印指标\n--leaves      打印证据叶原文", "--from, --to  local days of the KPIs, inclusive\n--summary     KPIs only; memory does not grow\n--leaves      the evidence leaves, byte for byte" },
	  ctl_replay },
	{ NULL }
};
