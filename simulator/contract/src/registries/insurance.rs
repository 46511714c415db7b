//! What registers know of a person's cars, estates and driving, for offers of insurance and nothing else (INS-1).

use crate::ids::{CadastralNumber, Oid, Vin};
use crate::money::Money;
use crate::record;
use crate::registries::estate::{EstateKind, SquareMetres};
use crate::time::{Day, Timestamp};

record! {
    /// `GET /api/v1/insurance`.
    pub struct InsuranceData("insurance", "Сведения для страхования" / "Data for insurance") {
        person: Oid, "Номер гражданина" / "Number of the person (OID)";
        as_of: Timestamp, v2 "read_at", "Прочитано" / "When it was read";
        vehicles: Vec<InsuredVehicle>, "Транспортные средства" / "Vehicles";
        estates: Vec<InsuredEstate>, "Недвижимость" / "Real estate";
        driver: Option<Driver>, "Водитель" / "The person as a driver";
    }
}

record! {
    pub struct InsuredVehicle("insured_vehicle", "Транспортное средство" / "A vehicle") {
        number_plate: String, "Государственный номер" / "Number plate";
        vin: Vin, "VIN" / "Vehicle identification number";
        category: String, "Категория" / "Category, B for cars";
        power_hp: i64, v2 "power", "Мощность, л. с." / "Power in metric horsepower";
        policy: Option<Policy>, "Полис ОСАГО" / "Policy in force";
    }
}

record! {
    pub struct Policy("policy", "Полис" / "A policy") {
        number: String, "Номер" / "Series and number";
        until: Day, v2 "ends_on", "Действует по" / "The last day";
        insurer: String, "Страховщик" / "Insurer";
    }
}

record! {
    pub struct InsuredEstate("insured_estate", "Объект недвижимости" / "An estate") {
        cad_number: CadastralNumber, v2 "cadastral_number", "Кадастровый номер" / "Cadastral number";
        kind: EstateKind, "Вид" / "What it is";
        area: SquareMetres, "Площадь, м²" / "Area in square metres";
        cost: Money, v2 "cadastral_cost", "Кадастровая стоимость" / "Cadastral value";
    }
}

record! {
    #[derive(Copy)]
    pub struct Driver("driver", "Водитель" / "A driver") {
        licence_since: Day, v2 "licensed_since", "Стаж с" / "First licence";
        accidents: i64, "Аварии за пять лет" / "Accidents within five years by the driver's fault";
    }
}
