"""Words from which sentences for the tagger are made; all written for this project."""

STARTS = "b bl br c ch cl d dr f fl g gr h j k kl kr l m n p pr r s sch sh sk st t th tr v w y z".split()
VOWELS = "a e i o u a e i o ai ei ia ie ou au ö ä å é á í ó ú ø ő".split()
ENDS = "n r l s t m d k nd rt ll ck ng x z v sk".split() + [""] * 8
PERSON_ENDS = "son sen ov ova ski ska ez es ini elli ard mann stein berg dottir idis escu enko ic wala an ian oğlu nen ström quist".split()
PLACE_ENDS = "burg ville ton ham ford stad dorf heim by berg hausen bridge field mouth grad ovo ice ia landia holm vik nes minster wick bach port".split()
SYLLABLES = "ba bei bo chen cheng chun da dan dong fang fei feng gang guang guo hai han hao hong hua hui jia jian jie jing jun kai lan lei li lin ling long mei min ming na ning peng ping qi qiang qin qing rong rui shan shu tao ting wei wen xia xiang xiao xin xiu xue yan yang yi ying yong yu yuan yun ze zhen zhi zhong".split()
PINYIN = "wang li zhang liu chen yang huang zhao wu zhou xu sun ma zhu hu guo he gao lin luo zheng liang xie song tang han feng deng cao peng zeng xiao tian dong yuan pan jiang cai yu du ye cheng su wei lv ding ren shen yao lu jiang cui zhong tan".split()
STREET_EN = "Street Road Avenue Lane Drive Court Way Place Square Terrace Close Boulevard Crescent Row Hill Parkway St. Rd Ave. St Ave Blvd Ln Dr".split()
STREET_FIRST = "Rua,Via,Calle,Avenida,rue,Rue,avenue,Avenue,ul.,Ulica,Plaza,Piazza,Carrera,Travessa,chemin,Λεωφ.,Camino,Estrada,Largo,C/,boulevard".split(
    ","
)
STREET_LAST = "straße strasse gasse weg platz gatan vägen gade vej veien katu tie straat laan plein steenweg utca út tér allee ring damm sokak cadde".split()
BRANDS = "iPhone,Samsung,Galaxy,Huawei,Xiaomi,Sony,PlayStation,Nike,Adidas,Toyota,Tesla,Kindle,MacBook,Windows,Android,Photoshop,Excel,WhatsApp,Instagram,YouTube,Netflix,Spotify,PayPal,Visa,Mastercard,Uber,Zoom,Bluetooth,Canon,Lego,Ikea,Starbucks".split(
    ","
)
BRANDS_ZH = "华为,小米,苹果,三星,联想,海尔,美的,格力,特斯拉,比亚迪,丰田,大众,奔驰,宝马,支付宝,微信,淘宝,京东,拼多多,抖音,美团,滴滴,携程,百度,腾讯,阿里巴巴,平安,安踏,李宁,王者荣耀,康师傅,金龙鱼,周黑鸭,张裕,马应龙,白象".split(
    ","
)
JOBS = "teacher,nurse,lawyer,software engineer,sales manager,chef,driver,accountant,project manager,waiter,plumber,journalist,dentist,architect,Network administrator,Operations geologist,Marketing executive,Civil Service officer,Chief Executive,Research scientist".split(
    ","
)
JOBS_ZH = "经理,主任,总经理,副总裁,工程师,教授,医生,护士,老师,校长,院长,局长,市长,书记,董事长,会计,律师,记者,教练,导演,演员,司机,客服,店长,保安,程序员,设计师,处长,科长,部长,总监,秘书".split(
    ","
)
RELATIVES = "wife,husband,mother,father,son,daughter,brother,sister,partner,boss,colleague,neighbour,friend,uncle,grandmother".split(
    ","
)
RELATIVES_ZH = (
    "妻子,丈夫,妈妈,爸爸,儿子,女儿,哥哥,姐姐,弟弟,妹妹,朋友,同事,同学,邻居,老公,老婆,爷爷,奶奶,室友,领导".split(",")
)
DOING = "cancel the order;change my password;update the billing address;return the shoes;open an account;talk to a person;pay the invoice;check the balance;send it again;book a table;move the appointment;block the card;get a refund;close my account;reset the router;sign the contract;pick up the parcel;log in;upload the file;answer the phone".split(
    ";"
)
DOING_ZH = "退款,换货,改地址,查物流,开发票,取消订单,重置密码,绑定银行卡,注销账号,预约挂号,报名,提现,补办身份证,修改手机号,办理入住,请假,报销,升级会员,投诉,签收".split(
    ","
)
THINGS = "parcel,order,invoice,phone,laptop,contract,car,bike,jacket,camera,report,ticket,refund,card,account,table,key,washing machine,book,bag".split(
    ","
)
THINGS_ZH = "快递,手机,电脑,衣服,鞋子,合同,发票,车,相机,报告,订单,会员卡,钥匙,洗衣机,书,包,门票,优惠券,账户,耳机".split(
    ","
)
ADJECTIVES = "late,broken,lovely,rude,helpful,wrong,expensive,great,missing,slow,polite,terrible,cheap,old,new,funny,angry,quiet,strange,perfect".split(
    ","
)
SOUNDS = "克斯尔特德罗拉里姆奥艾布卡马尼亚伊维莱罗兰森顿恩利瑞塔娜莎琳萨丹格鲁哈菲利浦普约翰逊杰弗劳伦沃贝蒂妮雷费尔南迪穆巴托梅洛佩萨科瓦基诺夫斯汉瑟琪乔治亨威廉查希戴凯文赫温詹姆埃阿加帕佛根肖"
ROADS = "人民 建设 中山 解放 和平 新华 长江 黄河 文化 学府 科技 建国 朝阳 友谊 光明 胜利 东风 滨江 环城 迎宾 创业 工业 湖滨 天府 南京 北京 延安 淮海 复兴 学院 龙华 宝安 新港 珠江 江南 西湖 文三 天目山 体育 站前 幸福 红旗 清河 翠竹 莲花 香山 银河 金融 软件园 高新".split()
COMMUNITIES = "阳光 幸福 锦绣 金色 翠湖 东方 世纪 碧水 龙湖 万科 绿地 保利 华润 丽景 香榭 和谐 盛世 天悦 滨海 御景 水岸 紫荆 枫丹 帝景 星河 康乐 安居 怡景 明珠 学府".split()
COMMUNITY_ENDS = "花园 小区 家园 公寓 苑 城 新村 广场 大厦 名邸 华府 国际 庄园 里 山庄 中心".split()
DISTRICTS = "朝阳 海淀 东城 西城 浦东新 徐汇 黄浦 天河 越秀 福田 南山 武侯 锦江 江宁 鼓楼 玄武 西湖 余杭 滨江 洪山 武昌 雁塔 碑林 和平 沈河 历下 市南 思明 湖里 岳麓 芙蓉 渝中 江北 高新 新城 桥西 长安 城关 青秀 观山湖 五华 蜀山 包河 金水 二七".split()
ORG_WORDS = "North Blue Star Global Delta Prime Green United First Sun Alpha Omega River Stone Bright Data Cloud Vision Urban Fresh Smart Rapid Golden Silver Atlas Nova Apex Zenith Harbor Summit Pioneer Vertex".split()
ORG_ENDS = "Inc.,Ltd,Ltd.,LLC,GmbH,Corp.,Group,Bank,University,Hospital,Partners,Systems,Labs,Foundation,Industries,Solutions,Insurance,Airlines,Media,Consulting,Institute,& Sons,Holdings,Energy,AG,Clinic,College".split(
    ","
)
ORG_ZH = "科技 网络 实业 贸易 文化传媒 生物医药 建筑工程 物流 餐饮 电子 信息技术 新能源 投资 教育".split()
ORG_ZH_ENDS = "有限公司 有限责任公司 股份有限公司 集团 公司 大学 医院 银行 中学 小学 研究所 学院 分公司 法院 派出所 幼儿园".split()
ORG_NAMES = (
    "华信 天成 鼎盛 博远 恒达 金桥 蓝天 东方 中兴 宏图 瑞丰 安泰 国泰 新华 星辰 启明 长城 万达 海天 众诚".split()
)
