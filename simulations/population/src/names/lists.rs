//! The lists of names, separated by commas; early ones are likelier. What stands before a surname is kept apart by a bar.

use super::Origin;

/// The names of one origin.
pub(super) struct Lists {
    pub(super) origin: Origin,
    /// Families in ten thousand.
    pub(super) weight: u32,
    pub(super) girls: &'static str,
    pub(super) boys: &'static str,
    pub(super) surnames: &'static str,
    /// Families in ten thousand that have two surnames.
    pub(super) double: u32,
    /// Families with something before the surname where the register has it in the surname's own field.
    pub(super) prefix_in_surname: u32,
    /// Children in ten thousand who have only one name, which then is the surname.
    pub(super) single: u32,
}

/// Given names that families of every origin choose.
pub(super) const SHARED_GIRLS: &str = "Sara, Mila, Nora, Sofia, Lina, Maya, Luna, Yara, Emma, Elena, Amira, Anna, Maria, Zoë, Ella, \
    Nina, Lea, Alicia, Jasmin, Chloé, Naomi, Mira, Diana, Isabella";

/// The same for boys.
pub(super) const SHARED_BOYS: &str = "Noah, Adam, Liam, Elias, Sami, David, Daniel, Gabriel, Leon, Milan, Ryan, Jayden, Luca, Amir, \
    Rayan, Samuel, Benjamin, Aaron, Dani, Ilias, Josef, Nathan, Oscar, Isaac";

/// What Dutch surnames begin with.
pub(super) const DUTCH_BEGINNINGS: &str = "Aker, Berken, Boer, Bosch, Brink, Broek, Buiten, Cruys, Dalen, Deven, Dorre, Eiken, Elzen, Ever, \
    Gelder, Groen, Haver, Heiden, Hof, Holt, Hooge, Kamer, Kerk, Kloos, Kooi, Laar, Linde, Maas, \
    Meer, Molen, Nieuwen, Noorde, Oever, Oosten, Poel, Rijns, Roosen, Ruiter, Schaap, Steen, Stok, \
    Velde, Vinken, Water, Wester, Wijn, Zand, Zonne";

/// And what they end with.
pub(super) const DUTCH_ENDINGS: &str = "berg, beek, bos, brugge, burg, dam, dijk, dorp, donk, feld, gaard, haar, hof, horst, huis, kamp, \
    kerk, laan, man, meijer, stra, veld, vliet, voort, werf, wijk";

/// What stands before them.
pub(super) const DUTCH_PREFIXES: &str = "van, de, van der, van den, van de, ten, ter, den, van 't, 't, in 't, op den, te, van het, op de, \
    aan de, uit den, in de";

/// The origins; the weights add up to ten thousand.
pub(super) const ALL: [Lists; 16] = [
    Lists {
        origin: Origin::Dutch,
        weight: 6_850,
        girls: "Julia, Noor, Saar, Evi, Tess, Lotte, Roos, Fleur, Sanne, Fenna, Liv, Sophie, Eva, Lieke, \
            Zoë, Anna, Olivia, Lynn, Femke, Maud, Iris, Isa, Hannah, Jasmijn, Veerle, Elin, Merel, \
            Madelief, Suze, Noa, Nova, Floor, Vera, Naomi, Renée, Anaïs, Loïs, Joëlle, Daniëlle, \
            Hélène, Marie, Johanna, Elisabeth, Cornelia, Wilhelmina, Catharina, Geertruida, Adriana, \
            Maartje, Pien, Bo, Feline, Amélie, Benthe",
        boys: "Noah, Sem, Luca, Finn, Levi, Daan, Lucas, James, Bram, Mees, Milan, Sam, Luuk, Thijs, \
            Jesse, Teun, Gijs, Stijn, Jens, Cas, Siem, Boaz, Hugo, Lars, Ruben, Max, Tijn, Julian, \
            Jurre, Floris, Pepijn, Mats, Olivier, Daniël, Raphaël, Michaël, René, Noël, Jürgen, \
            Johannes, Cornelis, Willem, Hendrikus, Petrus, Adrianus, Jacobus, Antonius, Gerardus, \
            Lambertus, Tobias, Guus, Otis, Jip, André, Joël",
        surnames: "de|Jong, Jansen, de|Vries, van den|Berg, van|Dijk, Bakker, Janssen, Visser, Smit, \
            Meijer, de|Boer, Mulder, de|Groot, Bos, Vos, Peters, Hendriks, van|Leeuwen, Dekker, \
            Brouwer, de|Wit, Dijkstra, Smits, de|Graaf, van der|Meer, van der|Linden, Kok, Jacobs, \
            de|Haan, Vermeulen, van den|Heuvel, van der|Veen, van den|Broek, de|Bruijn, de|Bruin, \
            van der|Heijden, Schouten, van|Beek, Willems, van|Vliet, van de|Ven, Hoekstra, Maas, \
            Verhoeven, Koster, van|Dam, van der|Wal, Prins, Blom, Huisman, Peeters, de|Jonge, \
            Kuipers, van|Veen, Post, Kuiper, Veenstra, Kramer, van den|Brink, Scholten, van|Wijk, \
            Postma, Martens, Vink, de|Ruiter, Timmermans, Groen, Gerritsen, Jonker, van|Loon, Boer, \
            van der|Velde, Willemsen, Smeets, de|Lange, de|Vos, Bosch, van|Dongen, Schipper, \
            de|Koning, van der|Laan, Koning, Driessen, Hermans, van den|Bosch, van|Rijn, in 't|Veld, \
            't|Hart, van 't|Hof, op den|Buijs, ter|Horst, ten|Brinke, van der|Heiden, d'|Hont, \
            le|Blanc, Hélin, Michiels, Swart, Zwart",
        double: 180,
        prefix_in_surname: 100,
        single: 0,
    },
    Lists {
        origin: Origin::Frisian,
        weight: 350,
        girls: "Fenna, Nynke, Jildou, Silke, Femke, Sjoukje, Hylkje, Marrit, Wytske, Tjitske, Froukje, \
            Anke, Baukje, Doutzen, Ymkje, Rixt, Eelkje, Lysbeth, Gerbrich, Jeltsje",
        boys: "Sjoerd, Jelmer, Hidde, Sytse, Wiebe, Douwe, Tjeerd, Auke, Fedde, Jorrit, Menno, Pier, \
            Eelke, Gjalt, Hessel, Ids, Klaas, Oeds, Rienk, Sybren, Ûlke, Wytze",
        surnames: "Hoekstra, Dijkstra, Veenstra, Postma, de|Jong, Zijlstra, Bouma, Wiersma, Terpstra, \
            Sikkema, Haarsma, van der|Wal, Wagenaar, Bergsma, Hiemstra, Nauta, Ypma, Tolsma, Rinsma, \
            van der|Ploeg, Sinnema, Gâlema",
        double: 80,
        prefix_in_surname: 100,
        single: 0,
    },
    Lists {
        origin: Origin::Turkish,
        weight: 460,
        girls: "Elif, Zeynep, Ecrin, Ayşe, Esma, Azra, Defne, Nisa, Hira, Çağla, Gökçe, Büşra, Fatma, \
            Melek, Sümeyye, Işıl, Eylül, Berfin, Rojin, İrem",
        boys: "Yusuf, Emir, Eymen, Ömer, Mustafa, Mehmet, Ali, Yiğit, Kerem, Emre, Hamza, Çınar, Baran, \
            Mert, Efe, İbrahim, Ahmet, Umut, Kağan, Oğuz, Furkan, Enes",
        surnames: "Yılmaz, Kaya, Demir, Çelik, Şahin, Yıldız, Yıldırım, Öztürk, Aydın, Özdemir, Arslan, \
            Doğan, Kılıç, Aslan, Çetin, Koç, Kurt, Özkan, Şimşek, Polat, Güneş, Bozkurt, Karataş, \
            Ergün, Ünal",
        double: 100,
        prefix_in_surname: 0,
        single: 0,
    },
    Lists {
        origin: Origin::Moroccan,
        weight: 540,
        girls: "Fatima, Amina, Yasmine, Nour, Salma, Hafsa, Inaya, Malak, Safae, Khadija, Ikram, Aya, \
            Soumaya, Ihsane, Fatima Zahra, Meryem, Dina, Noor, Rania, Houda",
        boys: "Mohammed, Rayan, Adam, Amine, Youssef, Bilal, Ilyas, Ayoub, Zakaria, Mohamed, Soufiane, \
            Anas, Imran, Yassine, Nassim, Abdelkarim, Hamza, Ismaël, Badr, Othmane, Driss, Jamal",
        surnames: "el|Amrani, Bouzid, el|Idrissi, Benali, ben|Ali, Haddou, el|Khattabi, Azzouzi, \
            el|Bouazzaoui, Chaouch, Bensaïd, ait|Hammou, Yahyaoui, el|Mansouri, Tahiri, Ouali, \
            el|Yaakoubi, Belhadj, Zeroual, el|Fassi, ben|Moussa, Rahmouni, Lahlali, Achahbar",
        double: 60,
        prefix_in_surname: 4_500,
        single: 0,
    },
    Lists {
        origin: Origin::Syrian,
        weight: 240,
        girls: "Mariam, Aya, Sham, Rimas, Nour, Hala, Lana, Rahaf, Zahraa, Farah, Layan, Tala, Jana, \
            Sidra, Haya, Batoul, Ghazal, Reem",
        boys: "Mohammad, Ahmad, Omar, Khaled, Yousef, Abdulrahman, Hasan, Hussein, Mahmoud, Karam, Jad, \
            Ibrahim, Majd, Taim, Anas, Bashar, Elyas, Aws",
        surnames: "al|Ahmad, Alhasan, al|Hamoud, Khalil, al|Khatib, Darwish, al|Masri, Haddad, abu|Saleh, \
            Sheikho, al|Jasem, Alali, Ibrahim, al|Mohammad, Shaheen, Othman, al|Omar, Barakat",
        double: 60,
        prefix_in_surname: 5_500,
        single: 40,
    },
    Lists {
        origin: Origin::Surinamese,
        weight: 380,
        girls: "Shanaya, Anjali, Priya, Kiara, Rishika, Aaliyah, Chanelle, Divya, Gaitrie, Indira, \
            Jermaine, Melissa, Nisha, Radha, Soraya, Xaviera, Shivani, Aniska",
        boys: "Ravi, Jayden, Aryan, Rohan, Dinesh, Giovanni, Jaïr, Krishna, Mitchell, Orlando, Radjesh, \
            Shaquille, Vishal, Xavier, Anil, Sergio, Kevin, Dwight",
        surnames: "Ramdin, Bhagwandas, Kalloe, Pinas, Sewnarain, Ramautar, Jagesar, Soekhoe, Wijngaarde, \
            Mahabier, Ramdat Misier, Kromosoeto, Blokland, Emanuels, Ganpat, Lachmon Singh, \
            Oemrawsingh, Biharie, Vreugd, Tjon A Fong",
        double: 150,
        prefix_in_surname: 0,
        single: 20,
    },
    Lists {
        origin: Origin::Antillean,
        weight: 160,
        girls: "Shanice, Chayenne, Alisha, Dayanara, Gianna, Jeanaïly, Kiara, Mirelva, Naïka, Rishandra, \
            Sharlene, Thaïsa, Yurisha, Zuleika",
        boys: "Jayden, Chéron, Giandro, Jurensley, Kevin, Mirandolino, Quincy, Rayvien, Shurandy, \
            Tyrese, Urvin, Jeandro, Xavier, Elvin",
        surnames: "Martina, Croes, Maduro, Cijntje, Isenia, Hooi, Tromp, Wernet, Sambo, de|Palm, Rosalia, \
            Kelly, Pieternella, Sint Jago",
        double: 200,
        prefix_in_surname: 300,
        single: 0,
    },
    Lists {
        origin: Origin::Polish,
        weight: 330,
        girls: "Zuzanna, Julia, Maja, Hanna, Lena, Alicja, Oliwia, Zofia, Małgorzata, Wiktoria, Nikola, \
            Aleksandra, Bożena, Gabriela, Kinga, Natalia, Róża",
        boys: "Jakub, Antoni, Szymon, Filip, Kacper, Oskar, Łukasz, Mateusz, Wojciech, Michał, Paweł, \
            Bartłomiej, Igor, Marcel, Dawid, Nikodem, Sławomir, Ignacy",
        surnames: "Nowak, Kowalski, Wiśniewska, Wójcik, Kowalczyk, Kamińska, Lewandowski, Zielińska, \
            Szymański, Woźniak, Dąbrowska, Kozłowski, Jankowska, Mazur, Krawczyk, Piotrowska, \
            Grabowski, Pawłowska, Górski, Brzęczyszczykiewicz",
        double: 120,
        prefix_in_surname: 0,
        single: 0,
    },
    Lists {
        origin: Origin::Ukrainian,
        weight: 120,
        girls: "Sofiia, Anastasiia, Mariia, Anna, Yeva, Zlata, Daryna, Kateryna, Polina, Solomiia, \
            Veronika, Viktoriia, Yelyzaveta, Olha",
        boys: "Artem, Maksym, Danylo, Dmytro, Matvii, Nazar, Oleksandr, Bohdan, Mykhailo, Tymofii, \
            Yehor, Illia, Vladyslav, Mark",
        surnames: "Shevchenko, Kovalenko, Bondarenko, Tkachenko, Kravchenko, Oliinyk, Melnyk, Polishchuk, \
            Boiko, Savchenko, Marchenko, Petrenko, Lysenko, Hrytsenko",
        double: 60,
        prefix_in_surname: 0,
        single: 0,
    },
    Lists {
        origin: Origin::Eritrean,
        weight: 70,
        girls: "Selam, Bethlehem, Feven, Yohana, Luwam, Rahwa, Segen, Winta, Heaven, Delina, Aster, \
            Mebrat",
        boys: "Nahom, Yonatan, Abel, Natnael, Filmon, Robel, Amanuel, Kibrom, Yosief, Haben, Essey, \
            Mikal",
        surnames: "Tesfay, Haile, Ghebremedhin, Kidane, Berhane, Tekle, Weldemichael, Habtemariam, Mehari, \
            Abraha, Gebreyesus, Teklu",
        double: 0,
        prefix_in_surname: 0,
        single: 150,
    },
    Lists {
        origin: Origin::Chinese,
        weight: 80,
        girls: "Xin Yi, Mei, Jia Yi, Yu Tong, Li, Ying, Xiu, Lan, Wen, Hua, Zi Han, Qian",
        boys: "Hao, Jun, Wei, Zi Xuan, Yi Chen, Ming, Kai, Lei, Bo, Yong, Cheng, Jian",
        surnames: "Wang, Li, Zhang, Chen, Liu, Hu, Wu, Lin, Zheng, Xu, Ye, Lü, Cheung, Man",
        double: 0,
        prefix_in_surname: 0,
        single: 0,
    },
    Lists {
        origin: Origin::Indonesian,
        weight: 110,
        girls: "Dewi, Putri, Indah, Siti, Ayu, Melati, Wulan, Nona, Sari, Christina, Ratna, Yuli",
        boys: "Budi, Agus, Bayu, Dimas, Johanis, Made, Rizky, Simon, Wayan, Yopi, Eko, Surya",
        surnames: "Pattiasina, Tahitu, Latuheru, Manuhutu, Sahetapy, Wijaya, Santoso, Lekatompessy, \
            Siregar, Hidayat, Matulessy, Nurdin",
        double: 40,
        prefix_in_surname: 0,
        single: 400,
    },
    Lists {
        origin: Origin::Portuguese,
        weight: 80,
        girls: "Beatriz, Mariana, Leonor, Conceição, Inês, Matilde, Letícia, Luísa, Bárbara, Ana, Clara, \
            Júlia",
        boys: "João, Tomás, Gonçalo, Francisco, Afonso, Miguel, Antônio, Caio, Davi, Estêvão, Rafael, \
            Duarte",
        surnames: "da|Silva, Ferreira, dos|Santos, Gonçalves, de|Oliveira, Araújo, Magalhães, da|Conceição, \
            Pereira, do|Nascimento, Simões, Lourenço",
        double: 6_500,
        prefix_in_surname: 6_000,
        single: 0,
    },
    Lists {
        origin: Origin::Spanish,
        weight: 90,
        girls: "Lucía, Sofía, Valentina, Camila, María José, Ximena, Itziar, Belén, Mónica, Paula, \
            Daniela, Carmen",
        boys: "José, Mateo, Sebastián, Andrés, Ángel, Íñigo, Joaquín, Martín, Nicolás, Santiago, Diego, \
            Raúl",
        surnames: "García, Muñoz, Rodríguez, Fernández, de la|Cruz, Peña, Ibáñez, Gómez, del|Río, Núñez, \
            Martínez, de los|Reyes",
        double: 7_000,
        prefix_in_surname: 6_000,
        single: 0,
    },
    Lists {
        origin: Origin::German,
        weight: 90,
        girls: "Lena, Käthe, Greta, Frieda, Anneliese, Jördis, Mathilda, Clara, Heike, Lieselotte",
        boys: "Lukas, Jürgen, Björn, Matthias, Götz, Friedrich, Jonas, Karl, Moritz, Hans-Peter",
        surnames: "Müller, Schröder, Weiß, von|Großmann, Schäfer, Krüger, von der|Heide, Vogt, Böhm, \
            zu|Löwenstein, Köhler, Hoffmann",
        double: 200,
        prefix_in_surname: 1_500,
        single: 0,
    },
    Lists {
        origin: Origin::Persian,
        weight: 50,
        girls: "Parisa, Zahra, Setayesh, Shabnam, Maryam, Roya, Asal, Sahar, Nilofar, Fereshta",
        boys: "Arash, Reza, Ali, Omid, Farhad, Sohrab, Mustafa, Behrouz, Navid, Zaki",
        surnames: "Ahmadi, Hosseini, Rezaei, Karimi, Sadat, Noori, Haidari, Mohammadi, Rahimi, Azizi",
        double: 50,
        prefix_in_surname: 0,
        single: 500,
    },
];
