//! Patients, doctors and institutions that cannot exist.
//!
//! Every family name, place and postcode is taken from the vocabulary of forms (見本, 試作, 雛形 …), so
//! that nobody can mistake a record made here for a person.

use kakehashi_kernel::{CivilDate, check_digit};

use crate::dice::Dice;

/// A synthetic patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patient {
    /// 姓名（漢字）, family and given name with an ideographic space.
    pub name: String,
    /// 姓名（かな） in hiragana.
    pub kana: String,
    /// 生年月日.
    pub birth_date: CivilDate,
    /// 性別.
    pub sex: Sex,
    /// 郵便番号, seven digits that no post office has.
    pub postcode: String,
    /// 住所.
    pub address: String,
    /// 出生都道府県 and 出生市区町村.
    pub birth_place: (&'static str, String),
    /// 受給者番号, seven digits with a check digit.
    pub recipient_number: String,
    /// 被保険者証 記号・番号・枝番.
    pub insured: Insured,
    /// 保険者番号, eight digits with a check digit.
    pub insurer_number: String,
}

/// The numbers of an insured person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insured {
    /// 記号.
    pub symbol: String,
    /// 番号.
    pub number: String,
    /// 枝番, two digits.
    pub branch: String,
}

/// 性別 as the form asks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sex {
    /// 男, code 1.
    Male,
    /// 女, code 2.
    Female,
}

/// A synthetic designated doctor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doctor {
    /// 医師の氏名.
    pub name: String,
    /// 指定医番号, ten digits.
    pub number: String,
}

/// A synthetic hospital.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Institution {
    /// 医療機関名.
    pub name: String,
    /// 医療機関コード, ten digits: prefecture, 1 for medical, seven digits with a check digit.
    pub code: String,
    /// 郵便番号.
    pub postcode: String,
    /// 所在地.
    pub address: String,
    /// 電話番号, ten digits, area code 000, which is nobody's.
    pub telephone: String,
}

const FAMILIES: &[(&str, &str)] = &[
    ("架橋", "かけはし"),
    ("難波", "なんば"),
    ("見本", "みほん"),
    ("試作", "しさく"),
    ("雛形", "ひながた"),
    ("例示", "れいじ"),
    ("仮名", "かりな"),
    ("模擬", "もぎ"),
    ("標本", "ひょうほん"),
    ("架空", "かくう"),
    ("様式", "ようしき"),
    ("記入", "きにゅう"),
    ("用紙", "ようし"),
    ("印字", "いんじ"),
    ("封筒", "ふうとう"),
    ("帳票", "ちょうひょう"),
    ("控写", "ひかえ"),
    ("枠線", "わくせん"),
    ("余白", "よはく"),
    ("校正", "こうせい"),
];

const MALE: &[(&str, &str)] = &[
    ("一太", "いちた"),
    ("二郎", "じろう"),
    ("三平", "さんぺい"),
    ("四郎", "しろう"),
    ("五助", "ごすけ"),
    ("六男", "むつお"),
    ("七生", "ななお"),
    ("八郎", "はちろう"),
    ("九助", "きゅうすけ"),
    ("十吾", "じゅうご"),
    ("百人", "ももと"),
    ("千尋", "ちひろ"),
    ("万作", "まんさく"),
    ("北斗", "ほくと"),
    ("南海", "みなみ"),
];

const FEMALE: &[(&str, &str)] = &[
    ("一葉", "いちは"),
    ("二葉", "ふたば"),
    ("三葉", "みつは"),
    ("四季", "しき"),
    ("五月", "さつき"),
    ("六花", "りっか"),
    ("七海", "ななみ"),
    ("八重", "やえ"),
    ("九美", "くみ"),
    ("十和", "とわ"),
    ("百花", "ももか"),
    ("千草", "ちぐさ"),
    ("万里", "まり"),
    ("星子", "ほしこ"),
    ("月乃", "つきの"),
];

const PREFECTURES: &[&str] = &["見本県", "架空県", "例示県"];
const CITIES: &[&str] = &["架橋市", "試作市", "雛形市", "様式町", "余白村"];
const TOWNS: &[&str] = &["試験町", "本町", "中央", "記入台", "用紙町", "枠線通", "帳票が丘"];
const BUILDINGS: &[&str] = &["", "", "", "例示荘", "見本ハイツ", "コーポ架空"];
const HOSPITALS: &[&str] =
    &["架橋市立病院", "見本大学病院", "例示神経内科クリニック", "試作中央病院", "雛形記念病院"];

impl Patient {
    /// Draws a grown-up of 45 to 88 years on `today`.
    pub fn draw(dice: &mut Dice, today: CivilDate) -> Self {
        Self::of_age(dice, today, (45, 88))
    }

    /// Draws a child of 4 to 17 years on `today`.
    pub fn child(dice: &mut Dice, today: CivilDate) -> Self {
        Self::of_age(dice, today, (4, 16))
    }

    fn of_age(dice: &mut Dice, today: CivilDate, (youngest, oldest): (i32, i32)) -> Self {
        let sex = if dice.chance(450) { Sex::Male } else { Sex::Female };
        let (family, family_kana) = *dice.pick(FAMILIES);
        let (given, given_kana) = *dice.pick(if sex == Sex::Male { MALE } else { FEMALE });
        let days = 365 * dice.between(youngest, oldest) + dice.between(0, 364);
        let place = format!("{}{}", dice.pick(PREFECTURES), dice.pick(CITIES));
        let building = *dice.pick(BUILDINGS);
        let room =
            if building.is_empty() { String::new() } else { dice.between(101, 412).to_string() };
        let address = format!(
            "{place}{}{}丁目{}番{}号{building}{room}",
            dice.pick(TOWNS),
            dice.between(1, 8),
            dice.between(1, 30),
            dice.between(1, 20)
        );
        Self {
            name: format!("{family}　{given}"),
            kana: format!("{family_kana}　{given_kana}"),
            birth_date: today.plus_days(-days),
            sex,
            postcode: format!("000{}", dice.digits(4)),
            address,
            birth_place: (*dice.pick(PREFECTURES), (*dice.pick(CITIES)).to_owned()),
            recipient_number: checked(&format!("{}{}", dice.between(1, 9), dice.digits(5))),
            insured: Insured {
                symbol: dice.digits(4),
                number: dice.digits(7),
                branch: format!("{:02}", dice.between(0, 9)),
            },
            insurer_number: checked(&format!("00{}", dice.digits(5))),
        }
    }

    /// Draws height and weight on a day, roughly as people have them: in tenths of a centimetre and of a
    /// kilogram.
    pub fn size(&self, on: CivilDate, dice: &mut Dice) -> (i32, i32) {
        let years = i32::from(self.birth_date.years_until(on)).clamp(0, 18);
        let height = match years {
            0..=1 => 500 + years * 250,
            2..=17 => 860 + (years - 2) * 52,
            _ => 1600,
        } + dice.between(-70, 70);
        // A body-mass index of people of that age makes a possible weight.
        let index = if years < 15 { dice.between(145, 175) } else { dice.between(185, 240) };
        (height, index * height / 1000 * height / 1000)
    }
}

impl Doctor {
    /// Draws a doctor.
    pub fn draw(dice: &mut Dice) -> Self {
        let (family, _) = *dice.pick(FAMILIES);
        let names = if dice.chance(600) { MALE } else { FEMALE };
        let (given, _) = *dice.pick(names);
        Self { name: format!("{family}　{given}"), number: format!("00{}", dice.digits(8)) }
    }
}

impl Institution {
    /// Draws an institution.
    pub fn draw(dice: &mut Dice) -> Self {
        Self {
            name: (*dice.pick(HOSPITALS)).to_owned(),
            code: format!("141{}", checked(&dice.digits(6))),
            postcode: format!("000{}", dice.digits(4)),
            address: format!(
                "{}{}{}{}番地",
                dice.pick(PREFECTURES),
                dice.pick(CITIES),
                dice.pick(TOWNS),
                dice.between(1, 999)
            ),
            telephone: format!("000{}", dice.digits(7)),
        }
    }
}

fn checked(body: &str) -> String {
    let digit = check_digit::payer(body).unwrap_or(0);
    format!("{body}{digit}")
}

#[cfg(test)]
mod tests {
    use kakehashi_kernel::text;

    use super::*;

    fn patients() -> impl Iterator<Item = Patient> {
        let today = "2026-11-23".parse().unwrap();
        (0..300).map(move |index| Patient::draw(&mut Dice::new(7, index, "person"), today))
    }

    #[test]
    fn numbers_carry_their_check_digits() {
        for patient in patients() {
            assert!(check_digit::payer_is_valid(&patient.recipient_number));
            assert_eq!(patient.recipient_number.len(), 7);
            assert!(check_digit::payer_is_valid(&patient.insurer_number));
            assert_eq!(patient.insurer_number.len(), 8);
        }
    }

    #[test]
    fn kana_is_kana_and_ages_are_of_grown_ups() {
        let today = "2026-11-23".parse().unwrap();
        for patient in patients() {
            assert!(text::is_kana(&patient.kana), "{}", patient.kana);
            assert!((44..=90).contains(&patient.birth_date.years_until(today)));
        }
    }

    #[test]
    fn children_are_children() {
        let today = "2026-11-23".parse().unwrap();
        for index in 0..300 {
            let child = Patient::child(&mut Dice::new(7, index, "person"), today);
            assert!((3..=17).contains(&child.birth_date.years_until(today)));
            let (height, weight) = child.size(today, &mut Dice::new(7, index, "size"));
            assert!((830..1800).contains(&height) && (90..700).contains(&weight), "{weight}");
        }
    }

    #[test]
    fn no_address_lies_in_japan() {
        for patient in patients() {
            assert!(PREFECTURES.iter().any(|name| patient.address.starts_with(name)));
            assert!(patient.postcode.starts_with("000") && patient.postcode.len() == 7);
        }
    }
}
